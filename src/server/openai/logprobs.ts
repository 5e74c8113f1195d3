import type { Tokenizer } from '../../backends/model/tokenizer.ts';
import type { TokenLogprobs } from '../../engine/outputs.ts';

/** How tokens are called in a response. */
export interface TokenNames {
  readonly tokenizer: Tokenizer;
  /** `return_tokens_as_token_ids`: `token_id:123`, for tokens whose text is no text. */
  readonly asIds: boolean;
}

/** JSON has no infinity (vLLM's stand-in). */
const LEAST = -9999;

export interface CompletionLogprobs {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly number[];
  readonly top_logprobs: readonly Readonly<Record<string, number>>[];
  readonly text_offset: readonly number[];
}

/** The shape of `/v1/completions`. @param offset Characters before the first token. */
export function completionLogprobs(
  logprobs: readonly TokenLogprobs[],
  names: TokenNames,
  offset: number,
): CompletionLogprobs {
  const tokens = logprobs.map(({ tokenId }) => tokenName(tokenId, names));
  let at = offset;
  return {
    tokens,
    token_logprobs: logprobs.map(({ logprob }) => Math.max(logprob, LEAST)),
    top_logprobs: logprobs.map(one =>
      Object.fromEntries(
        [...one.top, [one.tokenId, one.logprob] as const].map(([id, value]) => [
          tokenName(id, names),
          Math.max(value, LEAST),
        ]),
      ),
    ),
    text_offset: tokens.map(token => {
      const here = at;
      at += token.length;
      return here;
    }),
  };
}

/** The shape of `/v1/chat/completions`. */
export function chatLogprobs(logprobs: readonly TokenLogprobs[], names: TokenNames): object {
  return {
    content: logprobs.map(one => ({
      ...entry(one.tokenId, one.logprob, names),
      top_logprobs: one.top.map(([id, logprob]) => entry(id, logprob, names)),
    })),
  };
}

function entry(id: number, logprob: number, names: TokenNames): object {
  const token = tokenName(id, names);
  return { token, logprob: Math.max(logprob, LEAST), bytes: [...Buffer.from(token)] };
}

function tokenName(id: number, { tokenizer, asIds }: TokenNames): string {
  if (asIds) return `token_id:${id}`;
  const text = tokenizer.decode([id], { skipSpecialTokens: false });
  // A text of SentencePiece loses its first space, and a token alone is first.
  return tokenizer.token(id)?.startsWith('▁') && !text.startsWith(' ') ? ` ${text}` : text;
}
