import { z } from 'zod';
import { bounds } from '../options.ts';

/** Clients send null for what they leave open, as pydantic's do. */
export function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform(value => value ?? undefined);
}

export const flag = optional(z.boolean());
export const name = z.string().max(bounds.nameLength);
const number = z.number();
export const count = z.int().nonnegative();
const penalty = optional(number.min(-2).max(2));

const stop = optional(
  z.union([
    z.string().max(bounds.stopStringLength),
    z.array(z.string().max(bounds.stopStringLength)).max(bounds.stopStrings),
  ]),
);

/** What `/v1/completions` and `/v1/chat/completions` have in common: sampling, and how the response is to be. */
export const generationFields = {
  model: optional(name),
  request_id: optional(name),
  stream: flag,
  stream_options: optional(
    z.object({ include_usage: flag, continuous_usage_stats: flag }, { error: 'expected an object' }),
  ),
  n: optional(z.int().min(1).max(bounds.n)),
  max_tokens: optional(count),
  min_tokens: optional(count),
  temperature: optional(number.nonnegative()),
  top_p: optional(number.gt(0).lte(1)),
  top_k: optional(z.int().min(-1)),
  min_p: optional(number.min(0).max(1)),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  repetition_penalty: optional(number.positive()),
  // Beyond 2^53 JSON itself is not exact.
  seed: optional(number.min(-(2 ** 63)).max(2 ** 63)),
  stop,
  stop_token_ids: optional(z.array(count).max(bounds.stopTokenIds)),
  include_stop_str_in_output: flag,
  ignore_eos: flag,
  skip_special_tokens: flag,
  logit_bias: optional(
    z
      .record(z.string().regex(/^\d{1,9}$/, 'expected a token id'), number)
      .refine(bias => Object.keys(bias).length <= bounds.logitBias, {
        error: `expected at most ${bounds.logitBias} tokens`,
      }),
  ),
  // What they hold is read by `structureFrom`.
  response_format: optional(z.unknown()),
  structured_outputs: optional(z.unknown()),
  priority: optional(z.int()),
  cache_salt: optional(z.string().min(1).max(bounds.stopStringLength)),
  echo: flag,
  return_token_ids: flag,
  return_tokens_as_token_ids: flag,
  add_special_tokens: flag,
  truncate_prompt_tokens: optional(z.int().min(-1)),
} as const;

/** Taken and without effect, or looked at by `refuseUnsupported`: what is in neither list is said to be unknown. */
export const acceptedFields: ReadonlySet<string> = new Set([
  'user',
  'suffix',
  'best_of',
  'use_beam_search',
  'length_penalty',
  'spaces_between_special_tokens',
  'prompt_logprobs',
  'allowed_token_ids',
  'bad_words',
  'prompt_embeds',
  'logits_processors',
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'kv_transfer_params',
  'vllm_xargs',
  'store',
  'metadata',
  'service_tier',
  'reasoning_effort',
  'include_reasoning',
  'mm_processor_kwargs',
]);
