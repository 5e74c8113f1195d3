import type { z } from 'zod';
import { UsageError } from '../../core/errors.ts';

/** JSON of a recorded run, checked. @throws UsageError naming the file, and the key that is wrong. */
export function readRecord<T>(schema: z.ZodType<T>, text: string, path: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path}: not JSON: ${(error as Error).message}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new UsageError(`${path}: ${issue.path.join('.')}: ${issue.message}`);
}
