import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request,
} from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { Seconds } from '../core/units.ts';
import { errorOfAnswer, errorOfConnection, ServerError } from './server-error.ts';

export interface HttpClientOptions {
  /** Scheme, host, port, and what comes before the paths. */
  readonly baseUrl: URL;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Without a byte for so long, a request has failed. Default: 6 hours, as `vllm bench serve`. */
  readonly timeout?: Seconds;
  /** Gives up all that is under way: it fails. */
  readonly signal?: AbortSignal;
}

/** Who hears a streamed answer. `end` or `failed` is the last call, once. */
export interface StreamSink {
  data(piece: Buffer): void;
  end(): void;
  failed(error: ServerError): void;
}

/** One server, over connections that stay open between requests: as many as there are requests at a time. */
export class HttpClient {
  readonly #base: URL;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeout: number;
  readonly #agent: Agent;
  readonly #request: typeof request;
  readonly #open = new Set<ClientRequest>();

  constructor({ baseUrl, headers, timeout = 6 * 3600, signal }: HttpClientOptions) {
    const secure = baseUrl.protocol === 'https:';
    this.#base = baseUrl;
    this.#headers = headers;
    this.#timeout = timeout * 1000;
    this.#agent = new (secure ? SecureAgent : Agent)({ keepAlive: true, noDelay: true, scheduling: 'lifo' });
    this.#request = secure ? secureRequest : request;
    signal?.addEventListener('abort', () => this.#giveUp(), { once: true });
  }

  url(path: string): URL {
    return new URL(this.#base.href.replace(/\/$/, '') + path);
  }

  /**
   * Posts a body of JSON whose answer is streamed. An answer of another status than 200 is a failure, with what the
   * server says about it.
   */
  stream(path: string, body: Buffer, headers: Readonly<Record<string, string>>, sink: StreamSink): void {
    this.#send(path, body, headers, sink, response => {
      if (response.statusCode !== 200) {
        void bodyOf(response).then(
          text => sink.failed(errorOfAnswer(response.statusCode!, response.statusMessage, text)),
          error => sink.failed(errorOfConnection(error, this.#base)),
        );
        return;
      }
      let over = false;
      const fail = (error: Error) => {
        if (over) return;
        over = true;
        sink.failed(errorOfConnection(error, this.#base));
      };
      response.on('data', (piece: Buffer) => sink.data(piece));
      response.on('end', () => {
        over = true;
        sink.end();
      });
      response.on('error', fail);
      response.on('close', () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    });
  }

  /** @throws ServerError unless the answer is of status 200 and JSON. */
  async getJson(path: string): Promise<unknown> {
    return await this.#json(path, undefined);
  }

  /** @throws ServerError unless the answer is of status 200 and JSON. */
  async postJson(path: string, body: object): Promise<unknown> {
    return await this.#json(path, Buffer.from(JSON.stringify(body)));
  }

  /** Lets the connections go; what is under way fails. */
  close(): void {
    this.#giveUp();
    this.#agent.destroy();
  }

  #giveUp(): void {
    for (const sent of this.#open) sent.destroy(new Error('interrupted'));
  }

  async #json(path: string, body: Buffer | undefined): Promise<unknown> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      this.#send(path, body, {}, { failed: reject }, resolve);
    });
    const text = await bodyOf(response).catch(error => {
      throw errorOfConnection(error, this.#base);
    });
    if (response.statusCode !== 200) throw errorOfAnswer(response.statusCode!, response.statusMessage, text);
    try {
      return JSON.parse(text);
    } catch {
      throw new ServerError(`${this.url(path).href}: the answer is not JSON`, 200);
    }
  }

  #send(
    path: string,
    body: Buffer | undefined,
    headers: Readonly<Record<string, string>>,
    sink: Pick<StreamSink, 'failed'>,
    answered: (response: IncomingMessage) => void,
  ): void {
    const options = {
      agent: this.#agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...this.#headers,
        ...headers,
        ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
      } satisfies OutgoingHttpHeaders,
      timeout: this.#timeout,
    };
    const sent = this.#request(this.url(path), options);
    this.#open.add(sent);
    let response: IncomingMessage | undefined;
    sent.on('response', incoming => {
      response = incoming;
      answered(incoming);
    });
    sent.on('timeout', () => sent.destroy(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' })));
    sent.on('close', () => this.#open.delete(sent));
    sent.on('error', error => {
      // Once there is an answer, its own end tells.
      if (response) return;
      // The server had closed a connection that was kept: nobody has seen the request, so it goes out again.
      const stale = sent.reusedSocket && (error as NodeJS.ErrnoException).code === 'ECONNRESET';
      if (stale) this.#send(path, body, headers, sink, answered);
      else sink.failed(errorOfConnection(error, this.#base));
    });
    sent.end(body);
  }
}

/** A whole answer, cut where it goes on and on. */
async function bodyOf(response: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece);
    size += piece.length;
    if (size > MAX_BODY) break;
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Token ids of a text of a million tokens fit. */
const MAX_BODY = 16 * 1024 * 1024;
