import { badRequest } from '../api-error.ts';

type Body = Readonly<Record<string, unknown>>;

/** Fields that would change the output and are not there: better no answer than another one. */
const absent: Readonly<Record<string, string>> = {
  prompt_embeds: 'prompts of embeddings are not supported: send text or token ids',
  logits_processors: 'logits processors are not supported',
  bad_words: 'bad_words is not supported: use logit_bias with the token ids',
  allowed_token_ids: 'allowed_token_ids is not supported: use logit_bias',
  prompt_logprobs: 'log probabilities of the prompt are not supported',
  guided_json: 'use structured_outputs.json',
  guided_regex: 'use structured_outputs.regex',
  guided_choice: 'use structured_outputs.choice',
  guided_grammar: 'use structured_outputs.grammar',
};

/**
 * Says no to what would otherwise be silently left out.
 * @throws ApiError 400
 */
export function refuseUnsupported(body: Body): void {
  for (const [field, why] of Object.entries(absent)) {
    const value = body[field];
    if (value === undefined || value === null || value === false) continue;
    if (Array.isArray(value) && value.length === 0) continue;
    throw badRequest(`${field}: ${why}.`, field);
  }
  if (body['use_beam_search']) throw badRequest('Beam search is not supported.', 'use_beam_search');
  if (body['suffix']) throw badRequest('suffix is not currently supported', 'suffix');
  refuseBestOf(body);
}

function refuseBestOf({ best_of, n }: Body): void {
  if (best_of === undefined || best_of === null || best_of === (n ?? 1)) return;
  throw badRequest(
    'best_of must equal n: more samples than are returned are not drawn; ask for n and choose by logprobs.',
    'best_of',
  );
}
