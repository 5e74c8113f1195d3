import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Hono } from 'hono';
import { expect, onTestFinished } from 'vitest';
import { parseTokenizer, type Tokenizer } from '../../src/backends/model/tokenizer.ts';
import type { EngineClient } from '../../src/engine/engine-client.ts';
import { type AppEnv, createApp } from '../../src/server/app.ts';
import { type ChatTemplate, readChatTemplate } from '../../src/server/chat-template.ts';
import { Lifecycle } from '../../src/server/lifecycle.ts';
import type { Log } from '../../src/server/log.ts';
import { ServerMetrics } from '../../src/server/metrics/server-metrics.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { NodeServer } from '../../src/server/node-server.ts';
import { defaultOptions, type ServerOptions } from '../../src/server/options.ts';
import type { ServedModel } from '../../src/server/served-model.ts';
import { FakeEngine, type FakeOptions } from '../support/fake-engine.ts';

/** The model that ships: its tokenizer and its template, whatever engine is behind. */
export const shipped = resolve(import.meta.dirname, '../../models/quire-stories');

const json = (name: string) => JSON.parse(readFileSync(join(shipped, name), 'utf8'));
export const tokenizer: Tokenizer = parseTokenizer(
  json('tokenizer.json'),
  json('tokenizer_config.json'),
  shipped,
);
export const template = (await readChatTemplate(shipped)) as ChatTemplate;
/** Of the model that ships, as far as it can be told from outside. */
export const shippedConfig = { vocab: 1536, maxModelLen: 512, eosTokenIds: [2], bosTokenId: 1 };

export function fakeEngine(options: FakeOptions = {}): FakeEngine {
  return new FakeEngine({
    detokenizer: prompt => tokenizer.detokenizer(prompt),
    ...options,
    config: { ...shippedConfig, ...options.config },
  });
}

export function servedModel(engine: EngineClient, changes: Partial<ServedModel> = {}): ServedModel {
  return {
    id: 'stories',
    root: 'models/stories',
    created: 1_700_000_000,
    engine,
    tokenizer,
    chatTemplate: template,
    defaults: {},
    ordersByPriority: false,
    cachesPrefixes: true,
    ...changes,
  };
}

export interface Line {
  readonly level: keyof Log;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface TestServer {
  readonly app: Hono<AppEnv>;
  readonly engine: FakeEngine;
  readonly lifecycle: Lifecycle;
  readonly metrics: ServerMetrics;
  readonly lines: readonly Line[];
}

export interface TestOptions extends Partial<ServerOptions> {
  readonly engine?: FakeEngine;
  readonly models?: ModelList;
  readonly model?: Partial<ServedModel>;
}

/** An app over an engine that computes nothing. */
export function testServer(given: TestOptions = {}): TestServer {
  const { engine = fakeEngine(), models: list, model, ...changes } = given;
  const models = list ?? new ModelList([servedModel(engine, model)]);
  const options: ServerOptions = { ...defaultOptions, ...changes };
  const lifecycle = new Lifecycle();
  const metrics = new ServerMetrics(models.models, options);
  const lines: Line[] = [];
  const at = (level: keyof Log) => (fields: object, message: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message });
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { app: createApp({ models, options, metrics, log, lifecycle }), engine, lifecycle, metrics, lines };
}

/** The app behind a port, until the test ends. */
export async function listening(app: Hono<AppEnv>): Promise<NodeServer> {
  const server = await NodeServer.listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close(0));
  return server;
}

export async function post(
  app: Hono<AppEnv>,
  path: string,
  body: unknown,
  init: { readonly headers?: Record<string, string>; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  return await app.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...init.headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(init.signal && { signal: init.signal }),
  });
}

// biome-ignore lint/suspicious/noExplicitAny: what comes over the wire is looked at field by field.
export type Json = any;

/** The answer to a body that must be taken. */
export async function ok(app: Hono<AppEnv>, path: string, body: unknown): Promise<Json> {
  const response = await post(app, path, body);
  const answer = await response.json();
  expect({ status: response.status, answer }).toMatchObject({ status: 200 });
  return answer;
}

/** The error to a body that must be refused, checked for its shape. */
export async function refused(app: Hono<AppEnv>, path: string, body: unknown): Promise<Json> {
  const response = await post(app, path, body);
  return checkError(response.status, await response.json());
}

/** vLLM's shape of an error: nothing more and nothing less. */
export function checkError(status: number, body: Json): Json {
  expect(body).toEqual({
    error: {
      message: expect.stringMatching(/./),
      type: expect.stringMatching(/^[A-Z]/),
      param: body.error?.param === null ? null : expect.any(String),
      code: status,
    },
  });
  return body.error;
}

/** What a stream brings, `[DONE]` included. */
export async function events(response: Response): Promise<Json[]> {
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  const found: Json[] = [];
  const stream = response
    .body!.pipeThrough(new TextDecoderStream() as never)
    .pipeThrough(new EventSourceParserStream()) as ReadableStream<{ data: string }> &
    AsyncIterable<{ data: string }>;
  for await (const { data } of stream) found.push(data === '[DONE]' ? data : JSON.parse(data));
  return found;
}

/**
 * Waits until something holds: no test waits for a time.
 * @param every milliseconds between two looks.
 */
export async function until(holds: () => boolean | Promise<boolean>, what: string, every = 2): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`this did not come to pass: ${what}`);
    await new Promise(resolve => setTimeout(resolve, every));
  }
}

/** A metric's value, as a scrape shows it; 0 where it is absent. */
export async function metric(metrics: ServerMetrics, series: string): Promise<number> {
  const line = (await metrics.text()).split('\n').find(one => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}
