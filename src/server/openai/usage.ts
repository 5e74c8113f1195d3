import type { Tokens } from '../../core/units.ts';

/** Tokens of a response, as `usage` has them. */
export interface Usage {
  readonly promptTokens: Tokens;
  readonly completionTokens: Tokens;
  /** Of the prompt, found in the prefix cache; undefined: not told. */
  readonly cachedTokens?: Tokens | undefined;
}

export function usageOf({ promptTokens, completionTokens, cachedTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
    ...(cachedTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  };
}
