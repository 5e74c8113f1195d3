import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { silent } from '../../src/server/log.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { defaultOptions } from '../../src/server/options.ts';
import { Server } from '../../src/server/server.ts';
import type { FakeEngine } from '../support/fake-engine.ts';
import { checkError, events, fakeEngine, type Json, servedModel, until } from './serving.ts';

async function started(engine: FakeEngine): Promise<Server> {
  const server = await Server.start({
    models: new ModelList([servedModel(engine)]),
    options: defaultOptions,
    address: { host: '127.0.0.1', port: 0 },
    log: silent,
  });
  onTestFinished(() => server.stop(0).then(() => undefined));
  return server;
}

const ask = (server: Server, body: object) =>
  fetch(`${server.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'x', ...body }),
  });

test('a graceful stop finishes what runs, and refuses the rest', async () => {
  const engine = fakeEngine({ byHand: true });
  const server = await started(engine);
  const stream = await ask(server, { stream: true, max_tokens: 2 });
  const whole = ask(server, { max_tokens: 2 });
  await until(() => engine.open === 2, 'both run');
  const stopped = server.stop(60);
  const health = await fetch(`${server.url}/health`);
  expect([health.status, health.headers.get('retry-after')]).toEqual([503, '1']);
  const late = await ask(server, {});
  expect(checkError(late.status, await late.json())).toMatchObject({ code: 503 });
  expect(late.headers.get('retry-after')).toBe('1');
  engine.step();
  engine.step();
  const chunks = await events(stream);
  expect(chunks.at(-2).choices[0].finish_reason).toBe('length');
  expect(((await (await whole).json()) as Json).choices[0].finish_reason).toBe('length');
  expect(await stopped).toBe(0);
  expect(engine.closed).toBe(true);
  await expect(fetch(`${server.url}/health`)).rejects.toThrow();
});

test('what is not done by the deadline is aborted, with what there was', async () => {
  const engine = fakeEngine({ byHand: true });
  const server = await started(engine);
  const stream = await ask(server, { stream: true, max_tokens: 400 });
  const whole = ask(server, { max_tokens: 400 });
  await until(() => engine.open === 2, 'both run');
  engine.step();
  const waiting = ask(server, { max_tokens: 400 });
  await until(() => engine.open === 3, 'the third waits');
  expect(await server.stop(0.05)).toBe(3);
  const chunks = await events(stream);
  expect(chunks.at(-1)).toBe('[DONE]');
  expect(chunks.at(-2).choices[0].finish_reason).toBe('abort');
  const { choices, usage } = (await (await whole).json()) as Json;
  expect(choices[0]).toMatchObject({ finish_reason: 'abort', text: expect.stringMatching(/^[a-z]$/) });
  expect(usage.completion_tokens).toBe(1);
  // It had nothing yet: another server may as well do it.
  expect((await waiting).status).toBe(503);
});

test('a server whose engine dies says so, once', async () => {
  const engine = fakeEngine();
  const server = await started(engine);
  engine.fail(new Error('the device caught fire'));
  expect((await server.failed).message).toBe('the engine of stories died: the device caught fire');
  expect((await fetch(`${server.url}/health`)).status).toBe(503);
  expect(await server.stop(5)).toBe(0);
});

test('connections on which nothing is asked do not hold up a stop', async () => {
  const server = await started(fakeEngine());
  const { port } = new URL(server.url);
  const silent = connect(Number(port), '127.0.0.1');
  const halfway = connect(Number(port), '127.0.0.1');
  halfway.write('POST /v1/completions HTTP/1.1\r\nhost: a\r\n');
  await Promise.all([once(silent, 'connect'), once(halfway, 'connect')]);
  const gone = Promise.all(
    [silent, halfway].map(socket => {
      socket.on('error', () => undefined);
      return new Promise(resolve => socket.on('close', resolve));
    }),
  );
  const begin = performance.now();
  expect(await server.stop(30)).toBe(0);
  await gone;
  expect(performance.now() - begin).toBeLessThan(5000);
});

test('a response that is slow to be read still goes out whole', async () => {
  const engine = fakeEngine();
  const server = await started(engine);
  const { port } = new URL(server.url);
  const body = JSON.stringify({
    prompt: Array(100).fill('x'),
    max_tokens: 100,
    logprobs: 20,
    ignore_eos: true,
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const sent = request(
      { port, host: '127.0.0.1', path: '/v1/completions', method: 'POST', headers },
      resolve,
    );
    sent.on('error', reject);
    sent.end(body);
  });
  // Ten megabytes: no socket holds them.
  response.pause();
  const stopped = server.stop(60);
  let text = '';
  response.setEncoding('utf8');
  for await (const piece of response) text += piece;
  expect(JSON.parse(text).choices).toHaveLength(100);
  expect(await stopped).toBe(0);
});
