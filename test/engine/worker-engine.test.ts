import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { WorkerEngine, type WorkerOptions } from '../../src/engine/worker-engine.ts';
import { builtEngine } from './built-engine.ts';
import { engineClientCases } from './engine-client.cases.ts';
import { add, ask, Listening, until } from './listening.ts';
import type { TinyServing } from './tiny-serving.ts';

const built = builtEngine();

const open: WorkerEngine[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

async function tiny(args: TinyServing = {}, options: WorkerOptions = {}): Promise<WorkerEngine> {
  const engine = await WorkerEngine.load(args, { ...options, worker: built.worker, module: built.tiny });
  open.push(engine);
  return engine;
}

describe('WorkerEngine', () => {
  engineClientCases(options => tiny(options));
});

const long = { temperature: 0, maxTokens: 50, ignoreEos: true };

test.each<[NonNullable<TinyServing['event']>, string]>([
  ['exit', "the engine's thread ended by itself (exit code 3)"],
  ['uncaught', 'thrown where nobody awaits it'],
  ['out-of-memory', 'reaching memory limit'],
])('when its thread ends by %s, every open request hears it once', async (event, message) => {
  const resourceLimits = { maxOldGenerationSizeMb: 64 };
  const engine = await tiny({ at: 4, event }, event === 'out-of-memory' ? { resourceLimits } : {});
  const heard = await Promise.all([5, 6, 7].map(id => add(engine, ask([id], long))));
  for (const listening of heard) {
    expect((await listening.end) as Error).toMatchObject({ message: expect.stringContaining(message) });
    expect(listening.calls.filter(call => call !== 'update')).toEqual(['failed']);
  }
  expect(engine.failure?.message).toContain(message);
  await expect(engine.add(ask([5], long), new Listening())).rejects.toThrow(message);
  await engine.close();
  await engine.close();
});

test('what keeps an engine from being made is told where it was asked for', async () => {
  await expect(tiny({ broken: 'no such thing' })).rejects.toThrow('no such thing');
  const missing = WorkerEngine.load(
    { model: 'nowhere-at-all', backend: 'reference' },
    { worker: built.worker },
  );
  await expect(missing).rejects.toMatchObject({ name: 'UsageError', message: /nowhere-at-all/ });
});

test('a warning of its making is heard before it is ready', async () => {
  const heard: string[] = [];
  await tiny({ warning: 'slow kernels' }, { warn: text => heard.push(text) });
  expect(heard).toEqual(['slow kernels']);
});

test('what cannot travel to a thread is refused, and stays with who asked', async () => {
  const engine = await tiny();
  const heard = new Listening();
  const cursed = { ...ask([5], long), cacheSalt: (() => 'salt') as unknown as string };
  await expect(engine.add(cursed, heard)).rejects.toThrow('could not be cloned');
  const fine = await add(engine, ask([5], long));
  expect((await fine.output()).outputs[0]!.tokenIds).toHaveLength(50);
  expect(heard.calls).toEqual([]);
});

test.each(['hang', 'spin'] as const)('closes in a step that does not end (%s)', async event => {
  const happened = new Int32Array(new SharedArrayBuffer(4));
  const engine = await tiny({ at: 3, event, happened }, { closeWithin: 0.3 });
  const heard = await add(engine, ask([5], long));
  await until(() => Atomics.load(happened, 0) === 1);
  await engine.close();
  const end = await heard.end;
  // A thread that waits can still say how far it came; one that computes has to be stopped.
  if (event === 'hang') expect(end).toMatchObject({ outputs: [{ finishReason: 'abort' }] });
  else expect(end as Error).toMatchObject({ message: 'the engine is closed' });
  expect(heard.calls).toEqual(['update', 'update', 'update', event === 'hang' ? 'over' : 'failed']);
});

test('the shipped model on the CPU keeps this thread free', async () => {
  const model = resolve(import.meta.dirname, '../../models/quire-stories');
  const engine = await WorkerEngine.load(
    { model, backend: 'reference', numBlocks: 800 },
    { worker: built.worker },
  );
  open.push(engine);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const prompt = Array.from({ length: 20 }, (_, i) => 300 + i);
  const heard = await Promise.all(
    Array.from({ length: 32 }, (_, i) =>
      add(engine, ask(prompt, { temperature: 1, seed: i, maxTokens: 12, ignoreEos: true })),
    ),
  );
  const outputs = await Promise.all(heard.map(listening => listening.output()));
  delay.disable();
  expect(outputs.every(({ outputs: [only] }) => only!.tokenIds.length === 12)).toBe(true);
  const { busy, steps } = engine.stats();
  expect(busy).toBeGreaterThan(0.2);
  // In this thread, each of its steps would have been a delay. On a machine that is busy with other things all is
  // slower, its steps and this thread alike.
  expect(delay.percentile(99) / 1e6).toBeLessThan(Math.max(50, (1000 * busy) / steps / 3));
});

test('a process ends when its engines are closed, in whatever they were at', () => {
  const script = `
    const { WorkerEngine } = await import(process.argv[2]);
    const options = { worker: new URL(process.argv[3]), module: process.argv[4] };
    const params = JSON.parse(process.argv[5]);
    for (const event of ['none', 'throw', 'exit']) {
      const engine = await WorkerEngine.load({ at: 3, ...(event !== 'none' && { event }) }, options);
      const ends = [];
      let heard;
      const first = new Promise(resolve => { heard = resolve; });
      const end = name => () => { ends.push(name); };
      await engine.add(
        { promptTokenIds: [5], params: { ...params, logitBias: new Map() } },
        { update: heard, over: end('over'), failed: end('failed') },
      );
      await first;
      await Promise.all([engine.close(), engine.close()]);
      console.log(event, ends.join());
    }`;
  const params = { ...ask([5], long).params, logitBias: undefined };
  const main = new URL('./worker-engine.js', built.worker).href;
  const folder = mkdtempSync(join(tmpdir(), 'quire-worker-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'main.mjs');
  writeFileSync(file, script);
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [file, main, built.worker.href, built.tiny, JSON.stringify(params)],
    { encoding: 'utf8', timeout: 30_000 },
  );
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout.trim().split('\n')).toEqual([
    'none over',
    expect.stringMatching(/^throw (over|failed)$/),
    expect.stringMatching(/^exit (over|failed)$/),
  ]);
});
