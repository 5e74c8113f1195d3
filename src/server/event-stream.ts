import type { Bytes } from '../core/units.ts';

export interface EventStreamOptions {
  /** Bytes that may wait for the client. */
  readonly backlog: Bytes;
  /** The client hung up. */
  readonly onCancel: () => void;
  /** More than the backlog waits: the stream is cut. */
  readonly onSlow: () => void;
  /** Cuts the connection; absent: the body fails, which is all that can be done without one. */
  readonly cut?: (() => void) | undefined;
}

const encoder = new TextEncoder();

/**
 * Server-sent events. The socket pulls; what it has not taken waits here and is counted, so that a client which does
 * not read costs so many bytes and no more, and slows nobody.
 */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: EventStreamOptions;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #closed = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: controller => {
          this.#controller = controller;
        },
        cancel: () => {
          if (this.#closed) return;
          this.#closed = true;
          options.onCancel();
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: options.backlog }),
    );
  }

  /** Without effect once it is over. */
  send(event: object | '[DONE]'): void {
    if (this.#closed) return;
    const data = typeof event === 'string' ? event : JSON.stringify(event);
    this.#controller.enqueue(encoder.encode(`data: ${data}\n\n`));
    if (this.#controller.desiredSize! >= 0) return;
    this.#closed = true;
    const { cut, onSlow } = this.#options;
    if (cut) cut();
    else this.#controller.error(new Error('the client does not read its stream'));
    onSlow();
  }

  end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#controller.close();
  }

  /** What the client is to see of it. */
  response(): Response {
    return new Response(this.body, {
      headers: {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
        // Proxies would hold tokens back.
        'x-accel-buffering': 'no',
        'transfer-encoding': 'chunked',
      },
    });
  }
}
