import { badRequest, invalidBody, notImplemented } from '../api-error.ts';

type Body = Readonly<Record<string, unknown>>;

/** Fields that would change the output and are not there: better no answer than another one. */
const absent: Readonly<Record<string, string>> = {
  prompt_embeds: 'prompts of embeddings are not supported: send text or token ids',
  logits_processors: 'logits processors are not supported',
  bad_words: 'bad_words is not supported: use logit_bias with the token ids',
  allowed_token_ids: 'allowed_token_ids is not supported: use logit_bias',
  prompt_logprobs: 'log probabilities of the prompt are not supported',
  structured_outputs: 'structured outputs are not supported',
  guided_json: 'structured outputs are not supported',
  guided_regex: 'structured outputs are not supported',
  guided_choice: 'structured outputs are not supported',
  guided_grammar: 'structured outputs are not supported',
};

/**
 * Says no to what would otherwise be silently left out.
 * @throws ApiError 400, or 501 for output formats.
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
  refuseFormat(body['response_format']);
}

function refuseBestOf({ best_of, n }: Body): void {
  if (best_of === undefined || best_of === null || best_of === (n ?? 1)) return;
  throw badRequest(
    'best_of must equal n: more samples than are returned are not drawn; ask for n and choose by logprobs.',
    'best_of',
  );
}

function refuseFormat(format: unknown): void {
  if (format === undefined || format === null) return;
  if (typeof format !== 'object') throw invalidBody('response_format: expected an object', 'response_format');
  const type = Reflect.get(format, 'type');
  if (type === 'text') return;
  const named = JSON.stringify(type)?.slice(0, 100) ?? 'nothing';
  throw notImplemented(
    `response_format.type is ${named}, but this server has no structured outputs: only "text".`,
    'response_format.type',
  );
}
