import type { SamplingParams, Structure } from '../../core/sampling-params.ts';
import type { Ask } from '../../engine/engine-client.ts';
import { badRequest, invalidBody } from '../api-error.ts';
import type { TextOptions } from '../choice.ts';
import type { ServedModel } from '../served-model.ts';
import type { ChatRequest } from './chat-request.ts';
import type { CompletionRequest } from './completion-request.ts';
import type { ResponseShape } from './response-shape.ts';

/** What a request comes to: prompts for the engine, and how to answer. */
export interface Work {
  readonly model: ServedModel;
  readonly asks: readonly Ask[];
  readonly text: TextOptions;
  readonly shape: ResponseShape;
  /** Undefined: one response when all is done. */
  readonly stream: StreamOptions | undefined;
  /** The field that says what the output must be, if one does. */
  readonly structured: string | undefined;
}

export interface StreamOptions {
  readonly includeUsage: boolean;
  readonly continuousUsageStats: boolean;
}

type Request = CompletionRequest | ChatRequest;

/** @throws ApiError 400 for options of a stream that is none. */
export function streamOf({ stream, stream_options }: Request): StreamOptions | undefined {
  if (!stream) {
    if (stream_options === undefined) return undefined;
    throw invalidBody('Stream options can only be defined when `stream=True`.', 'stream_options');
  }
  const includeUsage = stream_options?.include_usage ?? false;
  return {
    includeUsage,
    continuousUsageStats: includeUsage && (stream_options?.continuous_usage_stats ?? false),
  };
}

export function textOptionsOf(request: Request): TextOptions {
  return {
    skipSpecialTokens: request.skip_special_tokens ?? true,
    includeStopStrInOutput: request.include_stop_str_in_output ?? false,
  };
}

/** Of fields that do not contradict each other. */
export function structuredBy({ response_format, structured_outputs }: Request, calls?: Structure) {
  if (calls) return 'tools';
  if (structured_outputs !== undefined && structured_outputs !== null) return 'structured_outputs';
  return response_format === undefined || response_format === null ? undefined : 'response_format';
}

/** @throws ApiError 400 for a priority that nobody would heed. */
export function askOf(
  request: Request,
  model: ServedModel,
  promptTokenIds: readonly number[],
  params: SamplingParams,
): Ask {
  const { priority, cache_salt } = request;
  if (priority !== undefined && priority !== 0 && !model.ordersByPriority) {
    throw badRequest('Got priority, but priority scheduling is not enabled.', 'priority');
  }
  return { promptTokenIds, params, priority, cacheSalt: cache_salt };
}

/** @throws ApiError 400 */
export function checkLogprobs(asked: number | undefined, most: number, field: string): void {
  if (asked === undefined || asked <= most) return;
  throw badRequest(
    `Requested sample logprobs of ${asked}, which is greater than max allowed: ${most}`,
    field,
  );
}
