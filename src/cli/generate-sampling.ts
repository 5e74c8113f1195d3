import { type Command, Option } from 'commander';
import { z } from 'zod';
import { quoted, UsageError } from '../core/errors.ts';
import { completeParams, type SamplingOptions } from '../engine/complete-params.ts';
import { asFlag, asKey, inWords, type Spelling } from './flag-words.ts';

interface Field {
  readonly schema: z.ZodType;
  /** How a flag writes it; absent: prompts files only. */
  readonly flag?: 'number' | 'texts' | 'numbers' | 'switch';
  readonly value?: string;
  readonly help?: string;
}

const number = z.number({ error: 'expected a number' });
const tokenIds = z.array(z.int({ error: 'expected token ids' }).nonnegative('expected token ids'), {
  error: 'expected a list of token ids',
});
const text = z.string({ error: 'expected text, or a list of texts' });

/** vLLM's sampling parameters, once: flags and the keys of prompts files are made from them. */
const fields = {
  maxTokens: {
    schema: number,
    flag: 'number',
    value: 'n',
    help: 'tokens to generate at most (default: 128)',
  },
  minTokens: { schema: number, flag: 'number', value: 'n', help: 'no end before this many (default: 0)' },
  temperature: {
    schema: number,
    flag: 'number',
    value: 't',
    help: '0: always the most likely token; higher is wilder (default: 1)',
  },
  topK: { schema: number, flag: 'number', value: 'k', help: 'only the k most likely (default: 0, all)' },
  topP: {
    schema: number,
    flag: 'number',
    value: 'p',
    help: 'only the most likely that together reach this probability (default: 1)',
  },
  minP: {
    schema: number,
    flag: 'number',
    value: 'p',
    help: 'only those at least this share as likely as the most likely one (default: 0)',
  },
  presencePenalty: {
    schema: number,
    flag: 'number',
    value: 'x',
    help: 'off the logit of tokens in the output (default: 0)',
  },
  frequencyPenalty: {
    schema: number,
    flag: 'number',
    value: 'x',
    help: 'the same, times how often (default: 0)',
  },
  repetitionPenalty: {
    schema: number,
    flag: 'number',
    value: 'x',
    help: 'divides logits of tokens in prompt and output (default: 1)',
  },
  logitBias: {
    schema: z.record(z.string(), number, { error: 'expected an object of token ids and numbers' }),
  },
  n: { schema: number, flag: 'number', value: 'n', help: 'samples of each prompt (default: 1)' },
  stop: {
    schema: z.union([text, z.array(text)], { error: 'expected text, or a list of texts' }),
    flag: 'texts',
    value: 'text',
    help: 'ends the output, and is not part of it; may be given again',
  },
  stopTokenIds: { schema: tokenIds, flag: 'numbers', value: 'ids', help: 'token ids that end it: 1,2' },
  ignoreEos: {
    schema: z.boolean({ error: 'expected true or false' }),
    flag: 'switch',
    help: 'go on past the end of sequence',
  },
  logprobs: {
    schema: number,
    flag: 'number',
    value: 'n',
    help: 'log-probabilities of each token, and of this many most likely ones',
  },
  seed: { schema: number },
} satisfies { readonly [K in Exclude<keyof SamplingOptions, 'structure'>]-?: Field };

type Name = keyof typeof fields;
const entries = Object.entries(fields) as [Name, Field][];

/** Keys of a line of a prompts file that are sampling parameters: vLLM's names. */
export const samplingKeys: ReadonlyMap<string, Name> = new Map(entries.map(([name]) => [asKey(name), name]));

export function addSamplingFlags(command: Command): Command {
  for (const [name, { flag, value, help }] of entries) {
    if (flag === undefined) continue;
    const option = new Option(`${asFlag(name)}${value === undefined ? '' : ` <${value}>`}`, help);
    if (flag === 'texts') option.argParser((one: string, all: string[] = []) => [...all, one]);
    command.addOption(option.helpGroup('Sampling:'));
  }
  return command;
}

/** What the flags say; a seed is the run's, not that of each prompt. @throws UsageError that names the flag. */
export function samplingOfFlags(options: Record<string, unknown>): SamplingOptions {
  const values = entries.flatMap(([name, { flag }]) => {
    const raw = options[name];
    return flag === undefined || raw === undefined ? [] : [[name, paramOf(flag, raw)] as const];
  });
  return checkSampling({ maxTokens: 128, ...Object.fromEntries(values) }, asFlag, '');
}

/** @throws UsageError that begins with `prefix` and spells the parameter as it was found. */
export function checkSampling(
  values: Readonly<Record<string, unknown>>,
  spelling: Spelling,
  prefix: string,
): SamplingOptions {
  for (const [name, value] of Object.entries(values)) {
    const checked = fields[name as Name].schema.safeParse(value);
    if (checked.success) continue;
    const { message } = checked.error.issues[0]!;
    throw new UsageError(`${prefix}${spelling(name)}: ${message}, found ${quoted(value)}`);
  }
  // vLLM's older word for all of them.
  const options: SamplingOptions = { ...values, ...(values['topK'] === -1 && { topK: 0 }) };
  inWords(spelling, prefix, () => completeParams(options));
  return options;
}

/** Text of a flag as the value that a prompts file would hold. */
function paramOf(flag: NonNullable<Field['flag']>, raw: unknown): unknown {
  if (typeof raw !== 'string') return raw;
  switch (flag) {
    case 'number':
      return toNumber(raw);
    case 'numbers':
      return raw.split(',').map(toNumber);
    default:
      return raw;
  }
}

/** An empty text is no number, though Number('') is 0. */
function toNumber(raw: string): unknown {
  const value = raw.trim() === '' ? Number.NaN : Number(raw);
  return Number.isNaN(value) ? raw : value;
}
