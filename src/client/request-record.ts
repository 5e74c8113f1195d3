import type { Seconds, Tokens } from '../core/units.ts';
import type { Api } from './api.ts';
import type { HttpClient } from './http-client.ts';
import { StreamedAnswer } from './streamed-answer.ts';

/** A request as its client saw it. One that failed has the times of what came before. */
export interface RequestRecord {
  readonly success: boolean;
  /** Of the server's count where it tells, else what was meant. */
  readonly promptTokens: Tokens;
  readonly outputTokens: Tokens;
  /** When it was sent, on this process's monotonic clock. */
  readonly startTime: Seconds;
  readonly ttft: Seconds;
  readonly itl: readonly Seconds[];
  /** From sending to the last token; 0 when it failed. */
  readonly latency: Seconds;
  /** How long it waited in the client for its turn (`--max-concurrency`). */
  readonly queueTime: Seconds;
  readonly text: string;
  /** Empty when it succeeded. */
  readonly error: string;
  /** Whether the server counted the tokens; else the prompt's are those meant, the output's the chunks. */
  readonly hasUsage: boolean;
}

/** Time of each token after the first; undefined of an answer that has only that. */
export function tpotOf({ latency, ttft, outputTokens }: RequestRecord): Seconds | undefined {
  return outputTokens > 1 ? (latency - ttft) / (outputTokens - 1) : undefined;
}

export interface OutgoingRequest {
  readonly body: Buffer;
  /** Length that was meant. */
  readonly promptTokens: Tokens;
  readonly headers: Readonly<Record<string, string>>;
  /** When it would have left, had it not had to wait. */
  readonly arrival: Seconds;
}

export interface MeasureOptions {
  readonly api: Api;
  readonly path: string;
  readonly keepText: boolean;
  /** Told of each chunk with a token, for the progress. */
  readonly onChunks?: (count: number) => void;
}

/** Monotonic, in seconds. */
export const clock = (): Seconds => performance.now() / 1000;

/** Sends a request and measures the answer; never rejects. */
export async function measure(
  client: HttpClient,
  { body, promptTokens, headers, arrival }: OutgoingRequest,
  { api, path, keepText, onChunks }: MeasureOptions,
): Promise<RequestRecord> {
  const startTime = clock();
  const answer = new StreamedAnswer(api, startTime, keepText);
  const failure = await new Promise<string | undefined>(resolve => {
    client.stream(path, body, headers, {
      data(piece) {
        const before = answer.chunks;
        answer.push(piece, clock());
        onChunks?.(answer.chunks - before);
      },
      end() {
        answer.end();
        resolve(undefined);
      },
      failed: error => resolve(error.message),
    });
  });
  const error = answer.error ?? failure;
  const { ttft, itl, latency } = answer.times();
  const success = error === undefined;
  return {
    success,
    promptTokens: answer.promptTokens ?? promptTokens,
    outputTokens: success ? answer.outputTokens : 0,
    startTime,
    ttft,
    itl,
    latency: success ? latency : 0,
    queueTime: startTime - arrival,
    text: answer.text,
    error: error ?? '',
    hasUsage: answer.promptTokens !== undefined,
  };
}
