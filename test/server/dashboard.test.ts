import type { Hono } from 'hono';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineClient } from '../../src/engine/engine-client.ts';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import { ApiKeys } from '../../src/server/api-keys.ts';
import type { AppEnv } from '../../src/server/app.ts';
import { dashboardRoutes, MAX_VIEWERS } from '../../src/server/dashboard.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { add, ask } from '../engine/listening.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { fakeEngine, type Json, listening, servedModel, shipped, testServer, until } from './serving.ts';

const KEY = 'an-operators-key';
const page = '<html><head><title>Quire</title></head><body>the page</body></html>';

/** An engine that can be watched, and makes a recording whenever it is told to. */
class WatchedEngine extends FakeEngine {
  readonly watchers = new Set<(file: Uint8Array) => void>();

  watch(told: (file: Uint8Array) => void): () => void {
    this.watchers.add(told);
    return () => this.watchers.delete(told);
  }

  record(...bytes: number[]): void {
    for (const told of this.watchers) told(Uint8Array.from(bytes));
  }
}

function dashboard(engines: readonly EngineClient[], keys: readonly string[] = []) {
  const models = new ModelList(engines.map((engine, i) => servedModel(engine, { id: `model-${i}` })));
  const server = testServer({ models, apiKeys: keys });
  const { app, lifecycle } = server;
  dashboardRoutes(app, { models, keys: new ApiKeys(keys), lifecycle, page: async () => page });
  return server;
}

/** A page that listens, until the test ends. */
class Listener {
  readonly heard: Json[] = [];
  readonly response: Promise<Response>;
  over = false;
  readonly #hangUp = new AbortController();

  constructor(url: string, headers: Record<string, string> = {}) {
    this.response = fetch(url, { headers, signal: this.#hangUp.signal });
    void this.#listen().finally(() => {
      this.over = true;
    });
    onTestFinished(() => this.leave());
  }

  async #listen(): Promise<void> {
    try {
      let text = '';
      const { body } = await this.response;
      for await (const piece of body!.pipeThrough(
        new TextDecoderStream() as never,
      ) as AsyncIterable<string>) {
        const events = (text + piece).split('\n\n');
        text = events.pop()!;
        for (const event of events) this.heard.push(JSON.parse(event.replace(/^data: /, '')));
      }
    } catch {
      // It hung up.
    }
  }

  of(type: string): Json[] {
    return this.heard.filter(event => event.type === type);
  }

  leave(): void {
    this.#hangUp.abort();
  }
}

async function served(app: Hono<AppEnv>): Promise<string> {
  return `${(await listening(app)).url}/dashboard`;
}

test('the page is the built one, told to follow this server, and may talk to nobody else', async () => {
  const { app } = dashboard([fakeEngine()]);
  const response = await app.request('/dashboard');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = response.headers.get('content-security-policy')!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("connect-src 'self'");
  const html = await response.text();
  expect(html).toMatch(/the page<script [^>]*id="quire-live">\{\}<\/script>\n<\/body>/);
  expect(html).toContain('<title>Quire: live</title>');
});

test('who looks hears figures and of each recording; the engine records while anybody looks', async () => {
  const engine = new WatchedEngine();
  const url = await served(dashboard([engine]).app);
  const one = new Listener(`${url}/events`);
  await until(() => one.of('figures').length > 1, 'figures come by themselves');
  const [hello] = one.heard;
  expect(hello).toMatchObject({
    type: 'hello',
    model: 'model-0',
    run: expect.stringMatching(/^[0-9a-f]{12}$/),
  });
  expect(hello.models).toEqual([expect.objectContaining({ id: 'model-0', policy: 'vllm', records: true })]);
  expect(one.of('figures')[0]).toMatchObject({
    state: 'serving',
    figures: { running: 0, waiting: 0, steps: 0 },
  });
  expect(engine.watchers.size).toBe(1);

  engine.record(1, 2, 3);
  await until(() => one.of('recording').length === 1, 'the first recording');
  expect(one.of('recording')[0]).toEqual({ type: 'recording', number: 1, bytes: 3 });
  const two = new Listener(`${url}/events`);
  await until(() => two.of('recording').length === 1, 'who comes later gets the last recording');
  expect(engine.watchers.size).toBe(1);
  engine.record(4);
  await until(() => one.of('recording').length === 2 && two.of('recording').length === 2, 'both hear');

  const file = await fetch(`${url}/recording/1.quire?model=model-0`);
  expect([...new Uint8Array(await file.arrayBuffer())]).toEqual([1, 2, 3]);
  expect(file.headers.get('cache-control')).toBe('no-store');
  engine.record(5);
  expect((await fetch(`${url}/recording/1.quire`)).status).toBe(404);
  expect((await fetch(`${url}/recording/3.quire`)).status).toBe(200);

  one.leave();
  await until(() => one.over, 'the first has left');
  engine.record(6);
  await until(() => two.of('recording').length === 4, 'the second goes on');
  expect(engine.watchers.size).toBe(1);
  two.leave();
  await until(() => engine.watchers.size === 0, 'nobody looks: nothing is recorded');
  expect((await fetch(`${url}/recording/4.quire`)).status).toBe(404);
  const three = new Listener(`${url}/events`);
  await until(() => engine.watchers.size === 1, 'somebody looks again');
  engine.record(7);
  await until(() => three.of('recording').length === 1, 'numbers go on');
  expect(three.of('recording')[0].number).toBe(5);
});

test('several models: each is looked at by its name', async () => {
  const engines = [new WatchedEngine(), new WatchedEngine()];
  const url = await served(dashboard(engines).app);
  const other = new Listener(`${url}/events?model=model-1`);
  await until(() => other.heard.length > 0, 'hello');
  expect(other.heard[0].model).toBe('model-1');
  expect(other.heard[0].models.map(({ id }: Json) => id)).toEqual(['model-0', 'model-1']);
  expect(engines.map(({ watchers }) => watchers.size)).toEqual([0, 1]);
  engines[1]!.record(9);
  await until(() => other.of('recording').length === 1, 'its recording');
  expect((await fetch(`${url}/recording/1.quire?model=model-1`)).status).toBe(200);
  expect((await fetch(`${url}/recording/1.quire?model=model-0`)).status).toBe(404);
  for (const path of [
    'events?model=gpt-4',
    'recording/1.quire?model=gpt-4',
    'recording/1e9.quire',
    'recording/..',
  ]) {
    expect((await fetch(`${url}/${path}`)).status, path).toBe(404);
  }
  expect((await fetch(`${url}/events?model=`)).status).toBe(400);
});

test('an engine that cannot be watched is shown by its figures alone', async () => {
  const url = await served(dashboard([fakeEngine()]).app);
  const viewer = new Listener(`${url}/events`);
  await until(() => viewer.of('figures').length > 0, 'figures');
  expect(viewer.heard[0].models[0].records).toBe(false);
});

test('with keys: a key once, then a cookie that opens the dashboard alone', async () => {
  const { app } = dashboard([new WatchedEngine()], [KEY]);
  const url = await served(app);
  const asked = await fetch(url);
  expect(asked.status).toBe(401);
  expect(await asked.text()).toContain('<form method="post"');
  for (const path of ['events', 'recording/1.quire']) {
    const refused = await fetch(`${url}/${path}`);
    expect([refused.status, await refused.json()]).toEqual([401, { error: 'Unauthorized' }]);
  }
  const post = (key: string) =>
    fetch(url, { method: 'POST', body: new URLSearchParams({ key }), redirect: 'manual' });
  const get = (key: string) => fetch(`${url}?key=${encodeURIComponent(key)}`, { redirect: 'manual' });
  for (const show of [post, get]) {
    for (const wrong of ['', 'another', `${KEY} ${KEY}`, KEY.slice(1)]) {
      const refused = await show(wrong);
      expect([refused.status, refused.headers.get('set-cookie')], wrong).toEqual([401, null]);
      expect(await refused.text()).toContain('no key of this server');
    }
    const shown = await show(KEY);
    expect([shown.status, shown.headers.get('location')]).toEqual([303, '/dashboard']);
    const set = shown.headers.get('set-cookie')!;
    expect(set).toMatch(
      /^quire_dashboard=\d+\.[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/dashboard; Max-Age=86400$/,
    );
    expect(set).not.toContain(KEY);
    const cookie = `a=b; ${set.split(';')[0]!}`;
    expect((await fetch(url, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(`${url}/recording/1.quire`, { headers: { cookie } })).status).toBe(404);
    const listener = new Listener(`${url}/events`, { cookie });
    expect((await listener.response).status).toBe(200);
    // What is changed of it, is of another server, or is over, opens nothing.
    const later = cookie.replace(/quire_dashboard=\d/, digit => `${digit}9`);
    for (const forged of [later, cookie.slice(0, -1), 'quire_dashboard=9.00', 'quire_dashboard=']) {
      expect((await fetch(`${url}/events`, { headers: { cookie: forged } })).status, forged).toBe(401);
    }
    const models = url.replace('/dashboard', '/v1/models');
    expect((await fetch(models, { headers: { cookie } })).status).toBe(401);
    const other = await served(dashboard([fakeEngine()], [KEY]).app);
    expect((await fetch(other, { headers: { cookie } })).status).toBe(401);
  }
  const bearer = { authorization: `Bearer ${KEY}` };
  expect((await fetch(url, { headers: bearer })).status).toBe(200);
  const large = await fetch(url, { method: 'POST', body: new URLSearchParams({ key: KEY.repeat(1000) }) });
  expect(large.status).toBe(401);
});

test('HEAD opens no stream, and more pages than there may be are turned away', async () => {
  const engine = new WatchedEngine();
  const { app } = dashboard([engine]);
  expect((await app.request('/dashboard/events', { method: 'HEAD' })).status).toBe(200);
  expect(engine.watchers.size).toBe(0);
  const streams = await Promise.all(
    Array.from({ length: MAX_VIEWERS }, () => app.request('/dashboard/events')),
  );
  const refused = await app.request('/dashboard/events');
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  await streams[0]!.body!.cancel();
  const next = await app.request('/dashboard/events');
  expect(next.status).toBe(200);
  for (const { body } of [...streams.slice(1), next]) await body!.cancel();
  expect(engine.watchers.size).toBe(0);
});

test('a page that reads nothing is let go', async () => {
  const engine = new WatchedEngine();
  const { app } = dashboard([engine]);
  const { body } = await app.request('/dashboard/events');
  // Words of recordings alone: a page that stands still would be told of them for ever.
  for (let i = 0; i < 10_000 && engine.watchers.size > 0; i++) engine.record(1);
  expect(engine.watchers.size).toBe(0);
  await expect(body!.getReader().closed).rejects.toThrow('does not read');
});

test('an engine that dies is told of; a server that ends lets its viewers go', async () => {
  const engine = new WatchedEngine();
  const { app, lifecycle } = dashboard([engine]);
  const url = await served(app);
  const viewer = new Listener(`${url}/events`);
  await until(() => viewer.of('figures').length > 0, 'figures');
  engine.fail(new Error('out of memory'));
  await until(() => viewer.of('figures').at(-1).state === 'failed', 'the failure');
  expect(JSON.stringify(viewer.heard)).not.toContain('out of memory');
  await lifecycle.drain(0);
  await until(() => viewer.over, 'the stream ends');
  expect(engine.watchers.size).toBe(0);
  expect((await fetch(`${url}/events`)).status).toBe(503);
});

test('what is shown of a real engine is a recording, and holds no token of anybody', async () => {
  const config = { model: 'llama-2-7b', gpu: 'a100-80g' };
  const engine = await LocalEngine.load({
    backend: 'simulated',
    config,
    tokenizer: shipped,
    timeScale: 0.05,
  });
  onTestFinished(() => engine.close());
  const url = await served(dashboard([engine]).app);
  const viewer = new Listener(`${url}/events`);
  await until(() => viewer.heard.length > 0, 'hello');
  const tokens = [1301, 1302, 1303];
  const heard = await add(engine, ask(tokens, { maxTokens: 3000, ignoreEos: true }, { cacheSalt: 'tenant' }));
  await until(() => viewer.of('recording').length > 1, 'recordings');
  const { number, bytes } = viewer.of('recording').at(-1);
  const response = await fetch(`${url}/recording/${number}.quire`);
  const file = new Uint8Array(await response.arrayBuffer());
  expect(file).toHaveLength(bytes);
  const [recording] = await decodeRecordings(file, 'live');
  expect(recording!.requests).toHaveLength(1);
  expect(recording!.requests[0]).toMatchObject({ promptTokens: 3, end: 'running' });
  const found = new Set<unknown>();
  const walk = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) for (const one of value as Int32Array) found.add(one);
    else if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) walk(one);
    else found.add(value);
  };
  walk(recording);
  expect(found.size).toBeGreaterThan(100);
  for (const secret of [...tokens, 'tenant']) expect(found).not.toContain(secret);
  heard.ticket.abort();
  await heard.end;
});
