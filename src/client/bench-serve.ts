import { UsageError } from '../core/errors.ts';
import type { Seconds } from '../core/units.ts';
import type { Api, RequestDefaults } from './api.ts';
import type { HttpClient } from './http-client.ts';
import { OpenLoop, type OpenLoopRun } from './open-loop.ts';
import type { PromptWriter } from './prompt-writer.ts';
import { type ReadyOptions, waitForAnswer } from './ready.ts';
import { RequestBodies } from './request-bodies.ts';
import { clock, measure, type RequestRecord } from './request-record.ts';
import type { SampleRequest } from './sample-request.ts';
import { Semaphore } from './semaphore.ts';

export interface BenchServeOptions {
  readonly client: HttpClient;
  readonly api: Api;
  /** Below the base URL of the client. */
  readonly path: string;
  readonly requests: readonly SampleRequest[];
  readonly writer: PromptWriter;
  readonly defaults: RequestDefaults;
  /** When each request leaves, after the start. */
  readonly times: readonly Seconds[];
  readonly maxConcurrency?: number | undefined;
  /** Beginning of the `x-request-id` of each. */
  readonly requestIdPrefix: string;
  readonly keepText: boolean;
  /** Ends the run with what came so far; whoever aborts it has the client give up as well. */
  readonly signal: AbortSignal;
}

/** One run of load against a server: first tests and warm-ups, as often as they are asked for, then the requests. */
export class BenchServe {
  readonly #options: BenchServeOptions;
  readonly #bodies: RequestBodies;
  readonly #loop: OpenLoop;
  #chunks = 0;

  /** @throws UsageError when prompts are token ids, and the API takes text. */
  constructor(options: BenchServeOptions) {
    const { api, requests, writer, defaults, times, maxConcurrency, requestIdPrefix, signal } = options;
    if (!api.takesTokenIds && writer.type === 'token-ids') {
      throw new UsageError(
        '--prompt-type token-ids: chat takes messages, not token ids; use --backend openai',
      );
    }
    this.#options = options;
    this.#bodies = new RequestBodies(requests, api, writer, defaults);
    this.#loop = new OpenLoop({
      times,
      maxConcurrency,
      signal,
      prepare: () => this.#bodies.fill(),
      send: async (index, arrival) =>
        await this.#measure({
          body: this.#bodies.take(index),
          promptTokens: requests[index]!.promptTokens,
          headers: { 'x-request-id': `${requestIdPrefix}${index}` },
          arrival,
        }),
    });
  }

  /** Requests to send. */
  get count(): number {
    return this.#options.requests.length;
  }

  /** How the requests fare, at any time. */
  get progress(): {
    readonly done: number;
    readonly failed: number;
    readonly inFlight: number;
    /** Chunks with a token. */
    readonly chunks: number;
    readonly elapsed: Seconds;
  } {
    const { done, failed, inFlight, elapsed } = this.#loop;
    return { done, failed, inFlight, chunks: this.#chunks, elapsed };
  }

  /** Sends the first request until it is answered. @throws ServerError when it is not in time. */
  async waitUntilReady(options: Omit<ReadyOptions, 'signal'>): Promise<void> {
    await waitForAnswer(async () => await this.#test(), { ...options, signal: this.#options.signal });
  }

  /** Sends the first request so often, as many at a time as the run may. */
  async warmUp(count: number): Promise<readonly RequestRecord[]> {
    const turns = new Semaphore(this.#options.maxConcurrency ?? count);
    return await Promise.all(
      Array.from({ length: count }, async () => {
        await turns.acquire();
        try {
          return await this.#test();
        } finally {
          turns.release();
        }
      }),
    );
  }

  /** The requests themselves, once. */
  async run(): Promise<OpenLoopRun> {
    this.#bodies.fill();
    this.#chunks = 0;
    return await this.#loop.run();
  }

  async #test(): Promise<RequestRecord> {
    const { requests } = this.#options;
    const { promptTokens } = requests[0]!;
    return await this.#measure({ body: this.#bodies.of(0), promptTokens, headers: {}, arrival: clock() });
  }

  async #measure(request: Parameters<typeof measure>[1]): Promise<RequestRecord> {
    const { client, api, path, keepText } = this.#options;
    return await measure(client, request, {
      api,
      path,
      keepText,
      onChunks: count => {
        this.#chunks += count;
      },
    });
  }
}
