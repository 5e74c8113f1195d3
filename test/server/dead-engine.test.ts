import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { contents, folder } from '../support/cli.ts';
import { checkError, events, type Json, until } from './serving.ts';
import { complete, served } from './serving-process.ts';

const hook = resolve(import.meta.dirname, '../support/crash-engine.cjs');
/** How SIGUSR2 ends the thread of the first engine; no more memory than a crash by its lack needs. */
const crashing = (how: string) => ({
  QUIRE_CRASH: how,
  NODE_OPTIONS: `--require ${hook} --max-old-space-size=160`,
});

const simulated = ['--backend', 'simulated', '--gpu', 'a100-80g', '--model', 'llama-2-7b'];
const two = [...simulated, '--model', 'llama-2-7b', '--served-model-name', 'A', '--served-model-name', 'B'];
const long = { prompt: 'Once upon a time', max_tokens: 3000, ignore_eos: true };

const load = async (url: string) =>
  ((await (await fetch(`${url}/load`)).json()) as { server_load: number }).server_load;
const health = async (url: string) => (await fetch(`${url}/health`)).status;

test.each([
  ['exit', "the engine's thread ended by itself (exit code 3)"],
  ['uncaught', 'thrown where nobody awaits it'],
  ['out-of-memory', 'Worker terminated due to reaching memory limit: JS heap out of memory'],
])('an engine whose thread ends by %s takes its server down, in order', async (how, reason) => {
  const cwd = folder();
  let address = '';
  const run = await served(
    two,
    async (url, child) => {
      address = url;
      const stream = await complete(url, { ...long, model: 'A', stream: true });
      const whole = complete(url, { ...long, model: 'A' });
      const other = await complete(url, { ...long, model: 'B', stream: true, max_tokens: 300 });
      await until(async () => (await load(url)) === 3, 'all run');
      // Not `child.kill`, which would say that it was told to end.
      process.kill(child.pid!, 'SIGUSR2');

      const { status } = await whole;
      expect(checkError(status, await (await whole).json())).toMatchObject({
        code: 500,
        type: 'InternalServerError',
      });
      const chunks = await events(stream);
      expect(checkError(500, chunks.at(-2)).type).toBe('InternalServerError');
      expect(chunks.at(-1)).toBe('[DONE]');
      await until(async () => (await health(url)) === 503, 'it says that it is not well');
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toMatch(
        /quire:requests_ended_total\{[^}]*model_name="A"[^}]*outcome="engine_failed"[^}]*\} 2\n/,
      );
      const late = await complete(url, { ...long, model: 'A' });
      expect([500, 503]).toContain(checkError(late.status, await late.json()).code);
      // The other engine is well: what it has is finished.
      expect((await events(other)).at(-2).choices[0].finish_reason).toBe('length');
    },
    { cwd, env: crashing(how) },
  );
  expect([run.code, run.signal]).toEqual([1, null]);
  const lines = run.stderr.trimEnd().split('\n');
  expect(lines.pop()).toBe(`quire: the engine of A died: ${reason}; the server has stopped`);
  const log = lines.map(line => JSON.parse(line) as Json);
  expect(log.filter(({ level }) => level === 'error')).toMatchObject([
    { msg: 'the engine died; the server stops', model: 'A' },
  ]);
  const cut = { model: 'A', outcome: 'engine_failed' };
  expect(log.filter(({ finish_reason }) => finish_reason === 'error')).toMatchObject([cut, cut]);
  await expect(fetch(`${address}/health`)).rejects.toThrow();
  expect(contents(cwd)).toEqual({});
});

test('an engine that dies while the server drains is no graceful end', async () => {
  const run = await served(
    [...simulated, '--log-level', 'silent'],
    async (url, child) => {
      const stream = await complete(url, { ...long, stream: true });
      child.kill('SIGTERM');
      await until(async () => (await health(url)) === 503, 'it drains');
      process.kill(child.pid!, 'SIGUSR2');
      expect((await events(stream)).at(-2).error.code).toBe(500);
    },
    { env: crashing('exit') },
  );
  expect(run.code).toBe(1);
  expect(run.stderr).toBe(
    "quire: the engine of llama-2-7b died: the engine's thread ended by itself (exit code 3); the server has stopped\n",
  );
});
