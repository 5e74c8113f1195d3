import { badRequest, invalidBody } from '../api-error.ts';
import { bounds } from '../options.ts';

/** A prompt as a client sends it: text, or token ids. */
export type RawPrompt = string | readonly number[];

/**
 * The four kinds of prompt of `/v1/completions`: text, a list of texts, token ids, a list of lists of them. By hand,
 * as a schema would look at hundred thousand ids once for each kind.
 * @throws ApiError 400
 */
export function readPrompts(prompt: unknown): readonly RawPrompt[] {
  if (typeof prompt === 'string') return [prompt];
  if (!Array.isArray(prompt)) throw wrong();
  if (prompt.length === 0) throw badRequest('prompt is an empty list.', 'prompt');
  const list: readonly unknown[] = prompt;
  if (isIds(list)) return [list];
  if (list.length > bounds.prompts) {
    throw invalidBody(`prompt: expected at most ${bounds.prompts} prompts, found ${list.length}`, 'prompt');
  }
  if (list.every(one => typeof one === 'string')) return list;
  if (list.every(one => Array.isArray(one) && isIds(one))) return list as readonly (readonly number[])[];
  throw wrong();
}

function wrong() {
  return invalidBody(
    'prompt: expected text, a list of texts, token ids, or a list of lists of them',
    'prompt',
  );
}

/** @throws ApiError 400 for numbers that no token has. */
function isIds(list: readonly unknown[]): list is readonly number[] {
  for (const id of list) {
    if (typeof id !== 'number') return false;
    if (!Number.isSafeInteger(id) || id < 0) {
      throw invalidBody(`prompt: ${id} is no token id`, 'prompt');
    }
  }
  return true;
}
