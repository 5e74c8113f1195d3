import { quoted, UsageError } from '../core/errors.ts';
import type { GenerationSpec } from './generation-request.ts';

/**
 * @param vocab token ids of the model are below it.
 * @throws UsageError for an empty prompt, token ids that the model does not have, and stop strings without text.
 */
export function checkSpec({ promptTokenIds, params }: GenerationSpec, vocab: number, hasText: boolean): void {
  if (promptTokenIds.length === 0) {
    throw new UsageError('the prompt has no tokens: give at least one, such as the start token');
  }
  for (const id of Array.from(promptTokenIds)) {
    if (Number.isInteger(id) && id >= 0 && id < vocab) continue;
    throw new UsageError(
      `the prompt has token id ${quoted(id)}, but the model's ids are 0 to ${vocab - 1}: was it made by another tokenizer?`,
    );
  }
  if (params.stop.length > 0 && !hasText) {
    throw new UsageError(
      'stop strings need a tokenizer: use stopTokenIds, or load the model with its tokenizer',
    );
  }
}
