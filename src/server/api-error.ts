import { UsageError } from '../core/errors.ts';
import { StructureError } from '../engine/structured/structure-error.ts';
import type { Outcome } from './outcome.ts';

interface Details {
  /** Which field, as a dotted path. */
  readonly param?: string | undefined;
  /** Seconds after which the client may try again. */
  readonly retryAfter?: number | undefined;
}

/** What a client is told when it does not get what it asked for, in vLLM's words for it. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;
  readonly type: string;
  /** How the request is counted. */
  readonly outcome: Outcome;
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(status: number, type: string, outcome: Outcome, message: string, details: Details = {}) {
    super(message);
    this.status = status;
    this.type = type;
    this.outcome = outcome;
    this.param = details.param;
    this.retryAfter = details.retryAfter;
  }

  get body(): object {
    return {
      error: { message: this.message, type: this.type, param: this.param ?? null, code: this.status },
    };
  }

  response(): Response {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (this.retryAfter !== undefined) headers['retry-after'] = String(this.retryAfter);
    return new Response(JSON.stringify(this.body), { status: this.status, headers });
  }
}

/** The body is not what the endpoint takes: wrong types, values out of range. */
export function invalidBody(message: string, param?: string): ApiError {
  return new ApiError(400, 'Bad Request', 'invalid', message, { param });
}

/** The body is well-formed and asks for what cannot be. */
export function badRequest(message: string, param?: string): ApiError {
  return new ApiError(400, 'BadRequestError', 'invalid', message, { param });
}

export function notFound(message: string, param?: string): ApiError {
  return new ApiError(404, 'NotFoundError', 'not_found', message, { param });
}

export function notImplemented(message: string, param?: string): ApiError {
  return new ApiError(501, 'NotImplementedError', 'invalid', message, { param });
}

export function overloaded(message: string, retryAfter: number): ApiError {
  return new ApiError(503, 'ServiceUnavailableError', 'overloaded', message, { retryAfter });
}

export function shuttingDown(retryAfter: number): ApiError {
  const message = 'The server is shutting down: try again, or another server.';
  return new ApiError(503, 'ServiceUnavailableError', 'shutting_down', message, { retryAfter });
}

export function tooManyRequests(message: string, retryAfter: number): ApiError {
  return new ApiError(429, 'RateLimitError', 'too_many_requests', message, { retryAfter });
}

/** The engine is dead, or died with the request. */
export function engineFailed(): ApiError {
  const message = 'The engine failed and cannot serve any more; the log of the server says why.';
  return new ApiError(500, 'InternalServerError', 'engine_failed', message);
}

export function internalError(): ApiError {
  const message = 'Internal error; the log of the server says more.';
  return new ApiError(500, 'InternalServerError', 'internal_error', message);
}

/** Names of the library's that clients know in another spelling. */
const camelCase =
  /\b(maxTokens|minTokens|topK|topP|minP|presencePenalty|frequencyPenalty|repetitionPenalty|logitBias|stopTokenIds|ignoreEos|promptTokenIds|maxModelLen|maxNumSeqs|maxNumBatchedTokens)\b/g;

/**
 * An error as clients are told of it; undefined for one that only the log may tell.
 * @param structured the field that says what the output must be.
 */
export function asApiError(error: unknown, structured?: string): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (!(error instanceof UsageError)) return undefined;
  const words = error.message.replace(camelCase, name => name.replace(/[A-Z]/g, c => `_${c.toLowerCase()}`));
  return badRequest(words, error instanceof StructureError ? (error.field ?? structured) : undefined);
}
