import type { Tokens } from '../core/units.ts';
import { badRequest } from './api-error.ts';
import { encode } from './encode.ts';
import type { RawPrompt } from './openai/read-prompts.ts';
import type { ServedModel } from './served-model.ts';

export interface PromptOptions {
  readonly addSpecialTokens: boolean;
  /** Keep only so many, from the end; −1: what the context has room for. */
  readonly truncate: number | undefined;
  /** Left free by a truncation to the context. */
  readonly maxTokens: Tokens | undefined;
}

/**
 * A prompt as the engine takes it.
 * @throws ApiError 400 when it is empty, or its ids are not the model's.
 */
export async function promptIds(
  { tokenizer, engine }: ServedModel,
  prompt: RawPrompt,
  options: PromptOptions,
): Promise<readonly number[]> {
  const { config, limits } = engine.info;
  const context = limits.maxModelLen;
  let ids: readonly number[];
  if (typeof prompt === 'string') {
    ids = await encode(tokenizer, prompt, options.addSpecialTokens);
    const start = tokenizer.bosTokenId ?? config.bosTokenId;
    // An empty text stands for the start token.
    if (ids.length === 0 && start !== undefined) ids = [start];
  } else {
    ids = prompt;
    const unknown = ids.find(id => id >= config.vocab);
    if (unknown !== undefined) {
      throw badRequest(
        `The prompt has token id ${unknown}, but the model's ids are 0 to ${config.vocab - 1}.`,
        'prompt',
      );
    }
  }
  if (ids.length === 0) throw badRequest('The prompt is empty.', 'prompt');
  const { truncate } = options;
  if (truncate === undefined) return ids;
  if (truncate > context) {
    throw badRequest(
      `truncate_prompt_tokens value (${truncate}) is greater than max_model_len (${context}). Please, select a ` +
        'smaller truncation size.',
      'truncate_prompt_tokens',
    );
  }
  const kept = truncate === -1 ? Math.max(1, context - (options.maxTokens ?? 1)) : truncate;
  if (kept === 0) throw badRequest('truncate_prompt_tokens of 0 leaves no prompt.', 'truncate_prompt_tokens');
  return ids.slice(-kept);
}
