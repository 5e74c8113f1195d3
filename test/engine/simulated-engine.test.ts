import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { policies } from '../../src/core/policies/registry.ts';
import type { SamplingOptions } from '../../src/engine/complete-params.ts';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import type { RequestOutput } from '../../src/engine/outputs.ts';
import type { Pacer } from '../../src/engine/pacer.ts';
import { createSimulatedEngine, type SimulatedArgs } from '../../src/engine/simulated-engine.ts';
import { checkConfig, completeConfig } from '../../src/sim/check-config.ts';
import type { Config } from '../../src/sim/config.ts';
import { Metrics } from '../../src/sim/metrics.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { createRng } from '../../src/sim/rng.ts';
import { Simulation } from '../../src/sim/simulation.ts';
import { add, ask, until } from './listening.ts';

const tokenizer = resolve(import.meta.dirname, '../../models/quire-stories');
const deployment: Config = { model: 'llama-2-7b', gpu: 'a100-80g' };

const open: LocalEngine[] = [];
afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

async function simulated(config: Config = {}, options: Partial<SimulatedArgs> = {}): Promise<LocalEngine> {
  const args = { config: { ...deployment, ...config }, tokenizer, timeScale: 0.001, ...options };
  const engine = await LocalEngine.load({ ...args, backend: 'simulated' });
  open.push(engine);
  return engine;
}

async function say(engine: LocalEngine, prompt: readonly number[], options: SamplingOptions) {
  return await (await add(engine, ask(prompt, options))).output();
}

const random = createRng(5, 'prompts');
const prompt = (length: number) => Array.from({ length }, () => 300 + Math.floor(random() * 100));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

test('is the deployment that the simulator knows, with the words of a tokenizer', async () => {
  const engine = await simulated({ max_model_len: 2048, tensor_parallel: 2 });
  expect(engine.info).toMatchObject({
    policy: 'vllm',
    backend: 'simulated',
    device: '2 × a100-80g',
    limits: { maxModelLen: 2048 },
    config: { layers: 32, hidden: 4096, maxModelLen: 4096 },
  });
  const { memory, config } = engine.info;
  // 2 · 32 layers · 32 heads · 128 · 2 bytes of KV a token, over two GPUs: most of their 160 GB.
  expect(memory.numBlocks * memory.blockSize * 524_288).toBeGreaterThan(110e9);
  expect(config.vocab).toBeGreaterThan(500);
  const { outputs } = await say(engine, [5, 6, 7], { maxTokens: 40, ignoreEos: true });
  expect(outputs[0]!.tokenIds).toHaveLength(40);
  expect(outputs[0]!.text).toMatch(/^( ?\p{L}+){20,}/u);
});

test('tokens hang on seed and place alone, and answers end when a model would', async () => {
  const engine = await simulated();
  const [alone] = (await say(engine, [5], { seed: 3, maxTokens: 2000 })).outputs;
  const many = await Promise.all(
    Array.from({ length: 200 }, (_, i) => say(engine, prompt(20), { seed: i, maxTokens: 2000 })),
  );
  const same = many[3]!.outputs[0]!;
  expect(same.tokenIds.slice(0, 50)).toEqual(alone!.tokenIds.slice(0, 50));
  expect(many.map(({ outputs: [only] }) => only!.finishReason)).toEqual(Array(200).fill('stop'));
  const lengths = many.map(({ outputs: [only] }) => only!.tokenIds.length);
  // ShareGPT's answers are 338 tokens on average.
  expect(mean(lengths)).toBeGreaterThan(250);
  expect(mean(lengths)).toBeLessThan(450);
  expect(new Set(lengths).size).toBeGreaterThan(100);

  const short = await say(engine, [5], { seed: 3, maxTokens: 6, n: 2, logprobs: 2 });
  for (const { finishReason, tokenIds, logprobs } of short.outputs) {
    expect([finishReason, tokenIds.length]).toEqual(['length', 6]);
    for (const { logprob, top } of logprobs!) expect([logprob < 0, top.length]).toEqual([true, 2]);
  }
  expect(short.outputs[0]!.tokenIds).toEqual(alone!.tokenIds.slice(0, 6));
  expect(short.outputs[1]!.tokenIds).not.toEqual(short.outputs[0]!.tokenIds);
  const least = await say(engine, [5], { seed: 3, minTokens: lengths[3]! + 40, maxTokens: 2000 });
  expect(least.outputs[0]!.tokenIds.length).toBe(lengths[3]! + 41);
});

/** Requests that come at known times, in virtual seconds; between the tenth and the next there is a pause. */
const asked = Array.from({ length: 30 }, (_, i) => ({
  at: i * 0.12 + (i > 10 ? 2 : 0),
  prompt: prompt(100 + ((i * 97) % 900)),
  maxTokens: 20 + ((i * 31) % 60),
}));

/** What the offline simulation makes of requests that come when those came. */
function offline(outputs: readonly RequestOutput[]): { ttft: number[]; tpot: number[] } {
  const full = completeConfig({ ...deployment, policy: ['vllm'], replications: 1 });
  const [setup] = checkConfig(full, findModel('llama-2-7b')!);
  const metrics = new Metrics();
  const simulation = new Simulation({
    ...setup!,
    memory: setup!.createMemory(),
    seed: 0,
    maxTokens: () => 0,
    workload: {},
    listener: metrics,
  });
  const arrivals = outputs.map(({ metrics: { arrival }, promptTokenIds, outputs: [only] }) => ({
    arrival,
    promptTokens: promptTokenIds.length,
    outputTokens: [only!.tokenIds.length],
    maxTokens: only!.tokenIds.length,
  }));
  simulation.offer(arrivals.sort((a, b) => a.arrival - b.arrival));
  simulation.close();
  expect(simulation.run()).toBe('done');
  const byId = [...metrics.ids.values].map((id, i) => [id, i] as const).sort(([a], [b]) => a - b);
  return {
    ttft: byId.map(([, i]) => metrics.ttft.values[i]!),
    tpot: byId.map(([, i]) => metrics.tpot.values[i]!),
  };
}

/** Time that passes when somebody waits for it, and clients who come in it. */
class PlayedTime implements Pacer {
  #now = 0;
  readonly #clients: { at: number; come: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  at(moment: number, come: () => void): void {
    this.#clients.push({ at: moment, come });
  }

  async until(moment: number): Promise<void> {
    while (this.#clients[0] && this.#clients[0].at <= moment) this.next();
    this.#now = Math.max(this.#now, moment);
  }

  /** Nobody waits but the next client. */
  next(): boolean {
    const client = this.#clients.shift();
    if (!client) return false;
    this.#now = client.at;
    client.come();
    return true;
  }

  stop(): void {
    this.#clients.length = 0;
  }
}

test.each([1, 0.1])(
  'at time scale %d, requests take what they take in the offline simulation',
  async timeScale => {
    const pacer = new PlayedTime();
    const args = { backend: 'simulated', config: deployment, tokenizer, timeScale } as const;
    const loaded = await createSimulatedEngine(args, { pacer });
    const engine = new LocalEngine(loaded);
    open.push(engine);
    const heard: Promise<RequestOutput>[] = [];
    for (const { at, prompt: ids, maxTokens } of asked)
      pacer.at(at * timeScale, () => heard.push(say(engine, ids, { maxTokens, ignoreEos: true })));
    const { scheduler } = loaded.engine;
    while (heard.length < asked.length) {
      if (scheduler.numUnfinished === 0) pacer.next();
      await new Promise(resolve => setImmediate(resolve));
    }
    const outputs = await Promise.all(heard);
    const expected = offline(outputs);
    for (const [i, { metrics, outputs: samples }] of outputs.entries()) {
      expect(metrics.arrival).toBeCloseTo(asked[i]!.at, 9);
      expect(metrics.firstToken - metrics.arrival).toBeCloseTo(expected.ttft[i]!, 9);
      const rest = samples[0]!.tokenIds.length - 1;
      expect((metrics.lastToken - metrics.firstToken) / rest).toBeCloseTo(expected.tpot[i]!, 9);
    }
  },
);

test('in real time, lateness does not add up', async () => {
  const loaded = await createSimulatedEngine({ backend: 'simulated', config: deployment, tokenizer });
  const engine = new LocalEngine(loaded);
  open.push(engine);
  const { compute, bandwidth, overhead } = { ...loaded.cost! };
  expect([compute, bandwidth, overhead]).toEqual([0, 0, 0]);
  let start = Number.NaN;
  const late: number[] = [];
  loaded.engine.listeners.add({
    detail: false,
    on: event => {
      if (event.type !== 'step') return;
      if (Number.isNaN(start)) start = event.plan.time;
      const priced = loaded.cost!.compute + loaded.cost!.bandwidth + loaded.cost!.overhead;
      late.push(event.end - start - priced);
    },
  });
  await say(engine, prompt(200), { maxTokens: 150, ignoreEos: true });
  expect(late).toHaveLength(150);
  // Before the first was planned some microseconds had passed since it began.
  expect(Math.min(...late)).toBeGreaterThan(-0.002);
  // Another process may take the machine for a while. What is lost is made up for: at the end as at the beginning.
  expect(Math.min(...late.slice(-20))).toBeLessThan(0.003);
});

test.each(policies.map(({ name }) => name))('%s serves, in memory that is short', async policy => {
  const engine = await simulated({ policy: [policy], kv_slots: 3072, max_model_len: 512 });
  const outputs = await Promise.all(
    Array.from({ length: 24 }, (_, i) =>
      say(engine, prompt(50 + i), { maxTokens: 100 + i, ignoreEos: true, n: 1 + (i % 2) }),
    ),
  );
  for (const [i, { outputs: samples }] of outputs.entries()) {
    expect(samples.map(({ tokenIds }) => tokenIds.length)).toEqual(Array(1 + (i % 2)).fill(100 + i));
  }
  await until(() => engine.stats().running === 0);
  const { usage, outputTokens } = engine.stats();
  expect(outputTokens).toBe(outputs.flatMap(({ outputs: all }) => all.flatMap(one => one.tokenIds)).length);
  expect([usage.token, usage.reserved, usage.internal]).toEqual([0, 0, 0]);
});

test.each([
  ['orca-oracle', 256],
  ['orca-pow2', 320],
])('%s: served, it takes max_tokens for the length of an answer', async (policy, slots) => {
  const config = { ...deployment, policy: [policy], max_model_len: 1024 };
  const loaded = await createSimulatedEngine({ backend: 'simulated', config, tokenizer, timeScale: 0.001 });
  const engine = new LocalEngine(loaded);
  open.push(engine);
  const held = new Set<number>();
  const structure = { type: 'regex', pattern: '[a-z]{9}' } as const;
  const heard = await add(engine, ask(prompt(64), { maxTokens: 192, structure }));
  heard.onUpdate = ({ finishReason }) => {
    const { token, reserved, internal } = loaded.engine.scheduler.memory.usage();
    if (!finishReason) held.add(token + reserved + internal);
  };
  // It ends before its time, and nobody could know.
  expect((await heard.output()).outputs[0]!.tokenIds.length).toBeLessThan(192);
  expect([...held]).toEqual([slots]);
});

test('swaps where the policy is told to', async () => {
  const engine = await simulated({
    policy: ['vllm-v0'],
    preemption: 'swap',
    kv_slots: 1024,
    max_model_len: 512,
  });
  const outputs = await Promise.all(
    Array.from({ length: 8 }, () => say(engine, prompt(100), { maxTokens: 200, ignoreEos: true })),
  );
  for (const {
    outputs: [only],
  } of outputs)
    expect(only!.tokenIds).toHaveLength(200);
  await until(() => engine.stats().running === 0);
  expect(engine.stats()).toMatchObject({ recomputedTokens: 0 });
  expect(engine.stats().preemptions).toBeGreaterThan(0);
});

test.each<[Partial<SimulatedArgs>, string]>([
  [{ config: { model: 'llama-2-8b' } }, 'unknown model "llama-2-8b"; did you mean llama-'],
  [{ config: { ...deployment, gpu: 'a100-90g' } }, 'unknown GPU "a100-90g"; did you mean a100-'],
  [
    { config: { ...deployment, policy: ['vllm', 'orca-max'] } },
    'an engine has one policy, not 2 (vllm, orca-max)',
  ],
  [{ timeScale: 0 }, 'timeScale is 0, but must be a number above 0'],
  [{ tokenizer: join(tokenizer, 'nowhere') }, 'nowhere'],
])('%j is refused', async (options, message) => {
  await expect(simulated({}, options)).rejects.toThrow(message);
});
