import type { Api, RequestDefaults } from './api.ts';
import type { PromptWriter } from './prompt-writer.ts';
import type { SampleRequest } from './sample-request.ts';

/**
 * Bodies of requests, written ahead of their time so that sending costs nothing, but not all at once: a trace of long
 * prompts would fill the memory.
 */
export class RequestBodies {
  readonly #requests: readonly SampleRequest[];
  readonly #write: (request: SampleRequest) => Buffer;
  /** Written, and not sent yet. */
  readonly #ready: (Buffer | undefined)[];
  /** Requests before this one have been written. */
  #filled = 0;
  #bytes = 0;

  constructor(requests: readonly SampleRequest[], api: Api, writer: PromptWriter, defaults: RequestDefaults) {
    this.#requests = requests;
    this.#ready = new Array(requests.length);
    this.#write = request => {
      const body = api.body(writer.write(request), request.outputTokens, defaults, request.overrides ?? {});
      return Buffer.from(JSON.stringify(body));
    };
  }

  /** Writes ahead as far as the memory for it goes. */
  fill(): void {
    while (this.#filled < this.#requests.length && this.#bytes <= MAX_BYTES) {
      const body = this.of(this.#filled);
      this.#ready[this.#filled++] = body;
      this.#bytes += body.length;
    }
  }

  /** That of a request, once: it is not kept. */
  take(index: number): Buffer {
    const body = this.#ready[index];
    if (body === undefined) return this.of(index);
    this.#ready[index] = undefined;
    this.#bytes -= body.length;
    return body;
  }

  /** Written for this call alone. */
  of(index: number): Buffer {
    return this.#write(this.#requests[index]!);
  }
}

const MAX_BYTES = 256 * 1024 * 1024;
