import { afterEach, describe, expect, test } from 'vitest';
import { completeParams } from '../../src/engine/complete-params.ts';
import { EngineTally } from '../../src/engine/engine-tally.ts';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import { Metrics } from '../../src/sim/metrics.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { Replay } from '../../src/trace/replay.ts';
import { storiesFolder } from '../support/stories.ts';
import { tinyEngine } from '../support/tiny-engine.ts';
import { engineClientCases } from './engine-client.cases.ts';
import { add, ask, until } from './listening.ts';
import { createEngine } from './tiny-serving.ts';

describe('LocalEngine', () => {
  engineClientCases(async (options = {}) => new LocalEngine(await createEngine(options)));
});

const open: LocalEngine[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

test('loads a model by its folder, and says what the options came to', async () => {
  const options = { model: storiesFolder, backend: 'reference' } as const;
  const engine = await LocalEngine.load({
    ...options,
    numBlocks: 40,
    policy: 'sarathi',
    parts: { order: 'priority' },
    maxNumSeqs: 3,
  });
  open.push(engine);
  expect(engine.info).toMatchObject({
    policy: 'sarathi',
    backend: 'reference',
    limits: { maxNumSeqs: 3, maxModelLen: 512 },
    memory: { kind: 'paged', numBlocks: 40 },
  });
  const first = await add(engine, ask([1, 5], { temperature: 0, maxTokens: 4 }));
  expect((await first.output()).outputs[0]!.text).not.toBe('');
  const unknown = LocalEngine.load({ ...options, policy: 'vlm' });
  await expect(unknown).rejects.toThrow('unknown policy "vlm"; did you mean vllm?');
});

test('a request in the same turn as the engine is made does not sleep with it', async () => {
  const engine = new LocalEngine(await createEngine({}));
  open.push(engine);
  const heard = await add(engine, ask([3], { maxTokens: 2, ignoreEos: true }));
  expect((await heard.output()).outputs[0]!.tokenIds).toHaveLength(2);
});

test('counts as the metrics of a run count, and says why the head of the queue waits', async () => {
  const metrics = new Metrics();
  const engine = await tinyEngine({ blocks: 24, maxNumSeqs: 5, listener: metrics });
  const tally = new EngineTally(engine);
  engine.listeners.add(tally);
  const params = (n: number) =>
    completeParams({ temperature: 1, seed: 3, maxTokens: 30, ignoreEos: true, n });
  for (let i = 0; i < 10; i++)
    engine.add({ promptTokenIds: [3, 4, 5, 6, 7 + i], params: params(1 + (i % 2)) });
  const waits = new Set<string | undefined>();
  let peak = 0;
  await engine.drain(() => {
    const stats = tally.stats();
    if (stats.waiting > 0) waits.add(stats.waitingFor);
    peak = Math.max(peak, stats.running);
    expect(stats.running + stats.waiting).toBe(engine.scheduler.numUnfinished);
  });
  const { steps, busy, outputTokens, preemptions, recomputedTokens } = metrics;
  expect(tally.stats()).toMatchObject({ steps, outputTokens, preemptions, recomputedTokens });
  expect(tally.stats().busy).toBeCloseTo(busy, 9);
  expect(tally.stats().promptTokens).toBe(metrics.inputTokens);
  const { promptTokens, prefixHits, stepTokens } = tally.stats();
  expect(stepTokens.counts.reduce((sum, count) => sum + count)).toBe(steps);
  expect(stepTokens.sum).toBe(promptTokens - prefixHits + outputTokens + recomputedTokens);
  expect(preemptions).toBeGreaterThan(0);
  expect(peak).toBeLessThanOrEqual(5);
  expect([...waits].some(wait => wait?.startsWith('the batch is full'))).toBe(true);
  expect([...waits].some(wait => /^needs \d+ blocks?, \d+ free$/.test(wait ?? ''))).toBe(true);
});

test('who watches sees the last steps as recordings, from wherever the engine is; nobody else costs a thing', async () => {
  const loaded = await createEngine({ blocks: 200 });
  const { scheduler } = loaded.engine;
  const engine = new LocalEngine(loaded);
  open.push(engine);
  const early = await Promise.all(
    [5, 6, 7].map(id =>
      add(engine, ask([id, 9, 9, 9, 9], { temperature: 0, maxTokens: 59, ignoreEos: true })),
    ),
  );
  const files: Uint8Array[] = [];
  const stop = await new Promise<() => void>(resolve => {
    early[0]!.onUpdate = () => {
      if (early[0]!.updates.length !== 6) return;
      expect(scheduler.memory.observer).toBeUndefined();
      resolve(engine.watch(file => files.push(file)));
    };
  });
  await until(() => files.length > 0);

  // Until another recording has come, and more steps were taken than one holds.
  let going = true;
  const load = (async () => {
    for (let i = 0; going; i++) {
      const heard = await add(
        engine,
        ask([3 + (i % 50), 4, 5, 6, 7], { temperature: 1, seed: i, n: 1 + (i % 2), maxTokens: 20 }),
      );
      await heard.output();
    }
  })();
  await until(() => engine.stats().steps > 1500 && files.length > 1);
  const others: Uint8Array[] = [];
  const stopOther = engine.watch(file => others.push(file));
  expect(others).toHaveLength(1);
  stopOther();
  going = false;
  await load;
  stop();
  expect(scheduler.memory.observer).toBeUndefined();

  const recordings = await Promise.all(files.map(async file => (await decodeRecordings(file, 'live'))[0]!));
  const [first] = recordings;
  // Those that were running before anybody looked.
  expect(first!.requests.slice(0, 3).map(({ id }) => id)).toEqual(early.map(({ ticket }) => ticket.id));
  expect(first!.requests[0]!.firstToken).toBeGreaterThan(0);
  expect(first!.requests[0]!.admitted).toBeGreaterThan(0);
  for (const recording of recordings) {
    const { steps, memory } = recording;
    expect(memory).toEqual({ kind: 'paged', blockSize: 4, numBlocks: 200, capacity: 800 });
    expect(steps.count).toBeGreaterThan(0);
    expect(steps.count).toBeLessThanOrEqual(512);
    const replay = new Replay(recording);
    for (const step of [0, Math.floor(steps.count / 2), steps.count - 1]) {
      const { owner, filled } = replay.stateAt(step);
      const held = owner.reduce((sum, who, block) => sum + (who >= 0 ? filled[block]! : 0), 0);
      expect(held).toBe(steps.usage.token[step]);
      const cached = owner.reduce((sum, who) => sum + (who === -2 ? memory.blockSize : 0), 0);
      expect(cached).toBe(steps.usage.cached[step]);
    }
  }
  expect(recordings.at(-1)!.steps.time[0]).toBeGreaterThan(first!.steps.time[0]!);
});
