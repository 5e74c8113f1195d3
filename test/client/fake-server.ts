import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What a request asks for, and how it is answered. */
export interface Asked {
  readonly index: number;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

export interface Behaviour {
  /** Answers a completion; else tokens of `text` come at once. */
  readonly complete?: (asked: Asked, answer: Answer) => Promise<void> | void;
  /** Word by word, one token each, and a start token; absent: 404. */
  readonly tokenize?: boolean;
  readonly models?: readonly string[];
  /** Looked at before anything else; true when it has answered. */
  readonly first?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A stream of chunks as an OpenAI-compatible server writes them, with the times at which it did. */
export class Answer {
  readonly response: ServerResponse;
  /** Of each write, on `performance.now()` of this process, in seconds. */
  readonly stamps: number[] = [];
  readonly #chat: boolean;

  constructor(response: ServerResponse, chat: boolean) {
    this.response = response;
    this.#chat = chat;
  }

  begin(): void {
    this.response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    this.response.flushHeaders();
  }

  token(text: string, finish: string | null = null): void {
    const choice = this.#chat
      ? { index: 0, delta: { content: text }, finish_reason: finish }
      : { index: 0, text, finish_reason: finish };
    this.event({ choices: [choice] });
  }

  event(value: unknown): void {
    this.write(`data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`);
  }

  write(bytes: string | Buffer): void {
    this.stamps.push(performance.now() / 1000);
    this.response.write(bytes);
  }

  usage(promptTokens: number, completionTokens: number): void {
    this.event({
      choices: [],
      usage: { prompt_tokens: promptTokens, completion_tokens: completionTokens },
    });
  }

  done(): void {
    this.event('[DONE]');
    this.response.end();
  }
}

export interface FakeServer {
  readonly url: string;
  /** Completions asked for so far. */
  readonly asked: Asked[];
  readonly answers: Answer[];
  /** Most requests under way at once. */
  readonly mostAtOnce: () => number;
}

/** An OpenAI-compatible server of this process, for as long as the test. */
export async function fakeServer(behaviour: Behaviour = {}, port = 0): Promise<FakeServer> {
  const asked: Asked[] = [];
  const answers: Answer[] = [];
  let underWay = 0;
  let most = 0;
  const server = createServer((request, response) => {
    void handle(request, response).catch(error => response.destroy(error as Error));
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (behaviour.first?.(request, response)) return;
    const { url = '', headers } = request;
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    const json = (value: object) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (url.endsWith('/v1/models'))
      return void json({
        object: 'list',
        data: (behaviour.models ?? ['fake']).map(id => ({ id, object: 'model' })),
      });
    if (url.endsWith('/tokenize') && behaviour.tokenize) {
      const { prompt, add_special_tokens: special } = JSON.parse(text) as Record<string, unknown>;
      const tokens = String(prompt).split(' ').map(idOf);
      return void json({ tokens: special === false ? tokens : [0, ...tokens] });
    }
    if (!url.endsWith('/completions')) {
      response.statusCode = 404;
      return void json({
        error: { message: `no route ${url}`, type: 'NotFoundError', param: null, code: 404 },
      });
    }
    const body = JSON.parse(text) as Record<string, unknown>;
    const one = { index: asked.length, url, headers, body };
    const answer = new Answer(response, url.endsWith('/chat/completions'));
    asked.push(one);
    answers.push(answer);
    most = Math.max(most, ++underWay);
    response.on('close', () => underWay--);
    await (behaviour.complete ?? atOnce)(one, answer);
  }

  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise(resolve => server.close(resolve));
  });
  const { port: bound } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${bound}`, asked, answers, mostAtOnce: () => most };
}

/** As many tokens as were asked for, without delay, and usage where it is asked for. */
export function atOnce({ body }: Asked, answer: Answer): void {
  const count = Number(body['max_tokens'] ?? body['max_completion_tokens']);
  answer.begin();
  for (let i = 0; i < count; i++) answer.token(` t${i}`, i === count - 1 ? 'length' : null);
  answer.usage(lengthOf(body), count);
  answer.done();
}

/** Tokens of a prompt: its words and the start token, or its ids. */
export function lengthOf({ prompt, messages }: Record<string, unknown>): number {
  if (Array.isArray(prompt)) return prompt.length;
  const text = prompt ?? (messages as { content: string }[])[0]!.content;
  return 1 + String(text).split(' ').length;
}

/** The same for the same word; not 0, the start token. */
export function idOf(word: string): number {
  let id = 7;
  for (const char of word) id = (id * 31 + char.charCodeAt(0)) % 50_000;
  return id + 1;
}

/** Waits for so many seconds, at least, of real time. */
export async function pause(seconds: number): Promise<void> {
  const until = performance.now() + seconds * 1000;
  // A timer may fire a little early.
  while (performance.now() < until)
    await new Promise(resolve => setTimeout(resolve, Math.max(1, until - performance.now())));
}
