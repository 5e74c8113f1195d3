import type { SamplingParams, Structure } from '../../core/sampling-params.ts';
import type { Tokens } from '../../core/units.ts';
import { completeParams } from '../../engine/complete-params.ts';
import { structureFrom } from '../../engine/structured/from-request.ts';
import { badRequest } from '../api-error.ts';
import type { ServedModel } from '../served-model.ts';
import type { ChatRequest } from './chat-request.ts';
import type { CompletionRequest } from './completion-request.ts';

/** What endpoints say in their own ways. */
export interface SamplingNeeds {
  readonly promptTokens: Tokens;
  /** What the client asked for; undefined: as many as the context allows. */
  readonly maxTokens: Tokens | undefined;
  /** Most likely tokens to tell; undefined: no log probabilities. */
  readonly logprobs: number | undefined;
  /** Calls of tools that the output must be. */
  readonly calls?: Structure | undefined;
}

/**
 * How one prompt is to be sampled: as the client says, else as the model's generation_config does, else vLLM.
 * @throws ApiError 400 when prompt and output do not fit the context, or ids are not the model's.
 */
export function samplingOf(
  request: CompletionRequest | ChatRequest,
  { defaults, engine }: ServedModel,
  needs: SamplingNeeds,
): SamplingParams {
  const { config } = engine.info;
  const maxTokens = maxTokensOf(needs, engine.info.limits.maxModelLen, defaults.maxTokens);
  const minTokens = request.min_tokens ?? 0;
  if (minTokens > maxTokens) {
    throw badRequest(`min_tokens (${minTokens}) is more than max_tokens (${maxTokens}).`, 'min_tokens');
  }
  const topK = request.top_k ?? defaults.topK;
  return completeParams({
    temperature: request.temperature ?? defaults.temperature,
    topP: request.top_p ?? defaults.topP,
    topK: topK === -1 ? 0 : topK,
    minP: request.min_p ?? defaults.minP,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    repetitionPenalty: request.repetition_penalty ?? defaults.repetitionPenalty,
    logitBias: biasOf(request.logit_bias, config.vocab),
    logprobs: needs.logprobs,
    seed: seedOf(request.seed),
    maxTokens,
    minTokens,
    stop: request.stop,
    stopTokenIds: stopIdsOf(request.stop_token_ids, config.vocab),
    ignoreEos: request.ignore_eos,
    n: request.n,
    structure: structureOf(request, needs.calls),
  });
}

function structureOf(request: CompletionRequest | ChatRequest, calls: Structure | undefined) {
  const structure = structureFrom(request);
  if (!structure || !calls) return structure ?? calls;
  throw badRequest('A required tool call leaves no place for response_format.', 'response_format');
}

function maxTokensOf(needs: SamplingNeeds, context: Tokens, limit: Tokens | undefined): Tokens {
  const { promptTokens, maxTokens } = needs;
  if (promptTokens >= context) {
    throw badRequest(
      `This model's maximum context length is ${context} tokens. However, your request has ${promptTokens} input ` +
        'tokens. Please reduce the length of the input messages.',
      'input_tokens',
    );
  }
  if (maxTokens === 0) throw badRequest('max_tokens must be at least 1, got 0.', 'max_tokens');
  if (maxTokens !== undefined && promptTokens + maxTokens > context) {
    throw badRequest(
      `This model's maximum context length is ${context} tokens. However, you requested ${maxTokens} output tokens ` +
        `and your prompt contains ${promptTokens} input tokens, for a total of ${promptTokens + maxTokens} tokens. ` +
        'Please reduce the length of the input prompt or the number of requested output tokens.',
      'input_tokens',
    );
  }
  return Math.min(maxTokens ?? context - promptTokens, limit ?? Number.POSITIVE_INFINITY);
}

/** The engine's seeds are whole numbers from 0 on; other integers fold onto them. */
function seedOf(seed: number | undefined): number | undefined {
  if (seed === undefined) return undefined;
  if (!Number.isInteger(seed)) throw badRequest(`seed is ${seed}, but must be a whole number.`, 'seed');
  const modulus = 2 ** 53;
  return ((seed % modulus) + modulus) % modulus;
}

function biasOf(bias: Readonly<Record<string, number>> | undefined, vocab: number): Map<number, number> {
  const entries = Object.entries(bias ?? {}).map(([text, value]) => {
    const id = Number(text);
    if (id >= vocab) throw noSuchToken('logit_bias', id, vocab);
    return [id, Math.max(-100, Math.min(100, value))] as const;
  });
  return new Map(entries);
}

function stopIdsOf(ids: readonly number[] | undefined, vocab: number): readonly number[] | undefined {
  const unknown = ids?.find(id => id >= vocab);
  if (unknown !== undefined) throw noSuchToken('stop_token_ids', unknown, vocab);
  return ids;
}

function noSuchToken(field: string, id: number, vocab: number) {
  return badRequest(`${field} has token id ${id}, but the model's ids are 0 to ${vocab - 1}.`, field);
}
