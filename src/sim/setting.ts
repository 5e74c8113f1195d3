import { z } from 'zod';

/** One setting: a key of the config file and a flag of the command line (`request_rate`, `--request-rate`). */
export interface Setting {
  readonly schema: z.ZodType;
  readonly group: 'Engine' | 'Limits' | 'Policy parts' | 'Workload' | 'Experiment';
  /** How the command line writes the value. */
  readonly flag: 'number' | 'text' | 'list' | 'switch';
  readonly value: string;
  readonly help: string;
}

// What values are checked with: each says what it expects.

export const whole = (min: number, max = 2 ** 31 - 1) =>
  z
    .number({ error: `expected a whole number of at least ${min}` })
    .refine(n => Number.isSafeInteger(n) && n >= min, `expected a whole number of at least ${min}`)
    .refine(n => n <= max, `expected a whole number of at most ${max}`);
export const positive = z
  .number({ error: 'expected a number above 0' })
  .refine(n => n > 0, 'expected a number above 0');
export const nonNegative = z
  .number({ error: 'expected a number of at least 0' })
  .refine(n => n >= 0, 'expected a number of at least 0');
/** A share of something; which of its ends it may be is said. */
export const share = (range: string, allows: (share: number) => boolean) =>
  z.number({ error: `expected a share ${range}` }).refine(allows, `expected a share ${range}`);
export const aboveZero = share('above 0, at most 1', n => n > 0 && n <= 1);
export const belowOne = share('from 0, below 1', n => n >= 0 && n < 1);
export const between = share('above 0 and below 1', n => n > 0 && n < 1);
export const yesNo = z.boolean({ error: 'expected true or false' });
export const oneOf = (...names: [string, ...string[]]) =>
  z.enum(names, { error: `expected one of ${names.join(', ')}` });

export const text = z.string({ error: 'expected text' }).min(1, 'expected text');
