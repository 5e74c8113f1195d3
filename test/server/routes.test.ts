import { expect, test } from 'vitest';
import {
  checkError,
  fakeEngine,
  type Json,
  metric,
  ok,
  post,
  refused,
  testServer,
  tokenizer,
} from './serving.ts';

test('the models, one by one and as a list', async () => {
  const { app } = testServer();
  const list = (await (await app.request('/v1/models')).json()) as Json;
  expect(list).toMatchObject({
    object: 'list',
    data: [
      {
        id: 'stories',
        object: 'model',
        created: 1_700_000_000,
        owned_by: 'vllm',
        root: 'models/stories',
        parent: null,
        max_model_len: 512,
      },
    ],
  });
  expect(await (await app.request('/v1/models/stories')).json()).toEqual(list.data[0]);
  const absent = await app.request('/v1/models/owner/other');
  expect(checkError(absent.status, await absent.json())).toMatchObject({ code: 404, type: 'NotFoundError' });
});

test('text to ids and back, and the ids of a conversation', async () => {
  const { app } = testServer();
  const text = 'Once upon a time, Ünï 狐';
  const { tokens, count, max_model_len, token_strs } = await ok(app, '/tokenize', { prompt: text });
  expect({ tokens, count, max_model_len, token_strs }).toEqual({
    tokens: tokenizer.encode(text),
    count: tokens.length,
    max_model_len: 512,
    token_strs: null,
  });
  expect(await ok(app, '/detokenize', { tokens })).toEqual({ prompt: `<s>${text}` });
  const bare = await ok(app, '/tokenize', {
    prompt: 'a',
    add_special_tokens: false,
    return_token_strs: true,
  });
  expect(bare.token_strs).toEqual(['a']);
  const chat = await ok(app, '/tokenize', { messages: [{ role: 'user', content: 'Hi' }] });
  expect(tokenizer.decode(chat.tokens, { skipSpecialTokens: false })).toBe('<s>User: Hi\nAssistant:\n');
  expect((await refused(app, '/tokenize', {})).param).toBe('prompt');
  expect((await refused(app, '/detokenize', { tokens: [1, 'a'] })).param).toBe('tokens');
  expect((await refused(app, '/detokenize', { tokens: [1536] })).message).toContain('0 to 1535');
});

test('health, ping, version, load and the prefix cache', async () => {
  const { app, engine } = testServer({ version: '1.2.3' });
  for (const [method, path] of [
    ['GET', '/health'],
    ['GET', '/ping'],
    ['POST', '/ping'],
  ]) {
    const response = await app.request(path!, { method: method! });
    expect([response.status, await response.text()]).toEqual([200, '']);
  }
  expect(await (await app.request('/version')).json()).toEqual({ version: '1.2.3' });
  expect(await (await app.request('/load')).json()).toEqual({ server_load: 0 });
  const reset = await app.request('/reset_prefix_cache', { method: 'POST' });
  expect([reset.status, engine.resets]).toEqual([200, 1]);
});

test('the load is what is open', async () => {
  const { app, engine } = testServer({ engine: fakeEngine({ byHand: true }) });
  const streams = await Promise.all(
    [1, 2, 3].map(() => post(app, '/v1/completions', { prompt: 'x', stream: true, max_tokens: 1 })),
  );
  expect(await (await app.request('/load')).json()).toEqual({ server_load: 3 });
  engine.step();
  for (const stream of streams) await stream.text();
  expect(await (await app.request('/load')).json()).toEqual({ server_load: 0 });
});

test('what is not there is a 404, the wrong method a 405 that names the right one', async () => {
  const { app } = testServer();
  for (const path of ['/', '/v1', '/v1/embeddings', '/v1/completions/', '/%', '/%2e%2e/etc']) {
    const response = await app.request(path);
    expect(checkError(response.status, await response.json()).code, path).toBe(404);
  }
  for (const [method, path] of [
    ['GET', '/v1/completions'],
    ['DELETE', '/health'],
    ['POST', '/v1/models/a'],
  ]) {
    const response = await app.request(path!, { method: method! });
    expect(checkError(response.status, await response.json()).code).toBe(405);
    expect(response.headers.get('allow')).toMatch(/GET|POST/);
  }
});

test('the body must be JSON, an object, small enough, and be called so', async () => {
  const { app } = testServer({ maxBodySize: 1000 });
  const path = '/v1/completions';
  const attempt = async (body: BodyInit, type = 'application/json') => {
    const response = await app.request(path, { method: 'POST', body, headers: { 'content-type': type } });
    return checkError(response.status, await response.json()).code;
  };
  expect(await attempt('{')).toBe(400);
  expect(await attempt('')).toBe(400);
  expect(await attempt('[]')).toBe(400);
  expect(await attempt('null')).toBe(400);
  expect(await attempt(new Uint8Array([0x7b, 0xff, 0x7d]))).toBe(400);
  expect(await attempt('{"prompt":"x"}', 'text/plain')).toBe(415);
  expect(await attempt(JSON.stringify({ prompt: 'x'.repeat(1000) }))).toBe(413);
  await ok(app, path, { prompt: 'x' });
  const charset = await post(
    app,
    path,
    { prompt: 'x' },
    { headers: { 'content-type': 'Application/JSON; charset=utf-8' } },
  );
  expect(charset.status).toBe(200);
});

test('a body that does not say its length is cut where it becomes too large', async () => {
  const { app } = testServer({ maxBodySize: 1000 });
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 100;
      controller.enqueue(new TextEncoder().encode(' '.repeat(100)));
    },
  });
  const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } };
  const response = await app.request('/v1/completions', init as RequestInit);
  expect(checkError(response.status, await response.json()).code).toBe(413);
  expect(sent).toBeLessThan(2000);
});

test('keys open /v1 and what changes the server, and nothing else is closed', async () => {
  const { app, metrics } = testServer({ apiKeys: ['first', 'second'] });
  const attempt = async (path: string, authorization?: string, method = 'GET') => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    return (await app.request(path, { method, headers })).status;
  };
  for (const wrong of [
    undefined,
    '',
    'first',
    'Bearer',
    'Bearer ',
    'Bearer firs',
    'Bearer first second',
    'Basic first',
  ]) {
    expect(await attempt('/v1/models', wrong), wrong).toBe(401);
    expect(await attempt('/reset_prefix_cache', wrong, 'POST'), wrong).toBe(401);
  }
  expect(await attempt('/v1/models', 'Bearer first')).toBe(200);
  expect(await attempt('/v1/models', 'bearer second')).toBe(200);
  for (const open of ['/health', '/ping', '/version', '/load', '/metrics'])
    expect(await attempt(open)).toBe(200);
  const refusal = await post(app, '/v1/completions', { prompt: 'x' });
  expect(await refusal.json()).toEqual({ error: 'Unauthorized' });
  const unauthorized =
    'quire:requests_ended_total{model_name="",engine="",endpoint="/v1/completions",outcome="unauthorized"}';
  expect(await metric(metrics, unauthorized)).toBe(1);
});

test('a key has so many requests open and no more', async () => {
  const engine = fakeEngine({ byHand: true });
  const { app, metrics } = testServer({ engine, apiKeys: ['a', 'b'], maxRequestsPerKey: 2 });
  const send = (key: string) =>
    post(
      app,
      '/v1/completions',
      { prompt: 'x', stream: true, max_tokens: 1 },
      {
        headers: { authorization: `Bearer ${key}` },
      },
    );
  const taken = [await send('a'), await send('a'), await send('b')];
  expect(taken.map(({ status }) => status)).toEqual([200, 200, 200]);
  const refusal = await send('a');
  expect(checkError(refusal.status, await refusal.json()).code).toBe(429);
  expect(refusal.headers.get('retry-after')).toBe('1');
  engine.step();
  for (const stream of taken) await stream.text();
  const last = await send('a');
  expect(last.status).toBe(200);
  engine.step();
  // Streams are written in turns of the server: a step's end is not yet theirs.
  await last.text();
  const series = (outcome: string) =>
    `quire:requests_ended_total{model_name="stories",engine="0",endpoint="/v1/completions",outcome="${outcome}"}`;
  expect(await metric(metrics, series('completed'))).toBe(4);
});

test('a queue that is full says so, and when to come again', async () => {
  const engine = fakeEngine({ byHand: true });
  const { app } = testServer({ engine, maxQueuedRequests: 3 });
  const two = await post(app, '/v1/completions', { prompt: ['x', 'y'], stream: true, max_tokens: 1 });
  const full = await post(app, '/v1/completions', { prompt: ['x', 'y'] });
  expect(checkError(full.status, await full.json())).toMatchObject({ code: 503 });
  expect(full.headers.get('retry-after')).toBe('1');
  const one = await post(app, '/v1/completions', { prompt: 'x', stream: true, max_tokens: 1 });
  expect(one.status).toBe(200);
  engine.step();
  await Promise.all([two.text(), one.text()]);
  expect((await post(app, '/v1/completions', { prompt: ['x', 'y', 'z'], stream: true })).status).toBe(200);
});

test('pages of other origins may call only where they are allowed', async () => {
  const ask = async (allowedOrigins: readonly string[], origin: string) => {
    const { app } = testServer({ allowedOrigins });
    const headers = { origin, 'access-control-request-method': 'POST' };
    const response = await app.request('/v1/models', { headers: { origin } });
    const preflight = await app.request('/v1/completions', { method: 'OPTIONS', headers });
    const allowed = response.headers.get('access-control-allow-origin');
    expect(preflight.headers.get('access-control-allow-origin')).toBe(allowed);
    return allowed;
  };
  expect(await ask([], 'https://a.test')).toBe(null);
  expect(await ask(['https://a.test'], 'https://a.test')).toBe('https://a.test');
  expect(await ask(['https://a.test'], 'https://b.test')).toBe(null);
  expect(await ask(['*'], 'https://b.test')).toBe('*');
});

test('x-request-id is echoed, and names the response; what is no id is replaced', async () => {
  const { app } = testServer();
  const send = (id: string) =>
    post(app, '/v1/completions', { prompt: 'x' }, { headers: { 'x-request-id': id } });
  const named = await send('trace-7');
  expect(named.headers.get('x-request-id')).toBe('trace-7');
  expect(((await named.json()) as Json).id).toBe('cmpl-trace-7');
  expect((await ok(app, '/v1/completions', { prompt: 'x', request_id: 'mine' })).id).toBe('cmpl-mine');
  for (const odd of ['a b', '<script>', 'x'.repeat(200)]) {
    expect((await send(odd)).headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  }
});

test('prompts are in the log only when asked for; each request has one line', async () => {
  const { app, lines } = testServer();
  await ok(app, '/v1/completions', { prompt: 'my secret', max_tokens: 2 });
  await refused(app, '/v1/completions', { prompt: 'my secret', n: -1 });
  expect(JSON.stringify(lines)).not.toContain('secret');
  expect(lines.map(({ fields }) => fields)).toEqual([
    expect.objectContaining({
      endpoint: '/v1/completions',
      model: 'stories',
      status: 200,
      outcome: 'completed',
      completion_tokens: 2,
      finish_reason: 'length',
      ttft_ms: expect.any(Number),
      e2e_ms: expect.any(Number),
    }),
    expect.objectContaining({ status: 400, outcome: 'invalid' }),
  ]);
  const { app: open, lines: told } = testServer({ logPrompts: true });
  await ok(open, '/v1/completions', { prompt: 'my secret' });
  expect(JSON.stringify(told)).toContain('my secret');
});
