import { type Bytes, MiB, type Seconds } from '../core/units.ts';

/** What an operator decides about the server; the engines have options of their own. */
export interface ServerOptions {
  /** Any of them opens `/v1` and what changes the server; none: everybody may. */
  readonly apiKeys: readonly string[];
  /** Origins of web pages that may call (`*`: all); none: no CORS headers. */
  readonly allowedOrigins: readonly string[];
  /** Prompts, waiting and running, of one model; more are refused (503). */
  readonly maxQueuedRequests: number;
  /** Requests that one key may have open; more are refused (429). */
  readonly maxRequestsPerKey: number;
  readonly maxBodySize: Bytes;
  /** Bytes of a stream that a client may leave untaken before its request is aborted. */
  readonly maxStreamBacklog: Bytes;
  /** Most likely tokens beside each token, at most. */
  readonly maxLogprobs: number;
  /** Tell in `usage.prompt_tokens_details` how much of a prompt was in the prefix cache. */
  readonly enablePromptTokensDetails: boolean;
  readonly logPrompts: boolean;
  /** Metrics that vLLM has retired under their old names, for old dashboards. */
  readonly showHiddenMetrics: boolean;
  readonly version: string;
}

export const defaultOptions: ServerOptions = {
  apiKeys: [],
  allowedOrigins: [],
  maxQueuedRequests: 4096,
  maxRequestsPerKey: Number.POSITIVE_INFINITY,
  maxBodySize: 4 * MiB,
  maxStreamBacklog: MiB,
  maxLogprobs: 20,
  enablePromptTokensDetails: false,
  logPrompts: false,
  showHiddenMetrics: false,
  version: 'unknown',
};

/** Bounds that nobody has asked to change yet. */
export const bounds = {
  /** Prompts of one request. */
  prompts: 1024,
  /** Samples of one prompt. */
  n: 128,
  stopStrings: 64,
  stopStringLength: 1024,
  stopTokenIds: 1024,
  logitBias: 1024,
  messages: 4096,
  nameLength: 256,
} as const;

/** What a client that is refused for now is told to wait. */
export const RETRY_AFTER: Seconds = 1;
