import { quoted, UsageError } from '../core/errors.ts';

/** A text, or its token ids. */
export type Prompt = string | { readonly prompt?: string; readonly promptTokenIds: readonly number[] };

const EXPECTED = 'a text, or {promptTokenIds: [1, 403]}';

/**
 * As a list. Plain JavaScript has nobody else to say what is no prompt.
 * @throws UsageError that names the prompt by its place, from 1 on.
 */
export function promptList(prompts: Prompt | readonly Prompt[]): readonly Prompt[] {
  if (!isList(prompts)) {
    if (isPrompt(prompts)) return [prompts];
    throw new UsageError(`prompts is ${quoted(prompts)}, but must be ${EXPECTED}, or a list of such`);
  }
  const wrong = prompts.findIndex(prompt => !isPrompt(prompt));
  if (wrong < 0) return prompts;
  throw new UsageError(`prompt ${wrong + 1} is ${quoted(prompts[wrong])}, but must be ${EXPECTED}`);
}

function isPrompt(value: unknown): boolean {
  if (typeof value === 'string') return true;
  if (typeof value !== 'object' || value === null || !('promptTokenIds' in value)) return false;
  const { promptTokenIds: ids } = value;
  // What ids may be, the engine knows, which has the model.
  return Array.isArray(ids) || ArrayBuffer.isView(ids);
}

/** TypeScript's own check takes read-only lists for none. */
export function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
