import fc from 'fast-check';
import type { Listener } from '../../src/core/events.ts';
import type { KvMemory } from '../../src/core/kv-memory.ts';
import { createMemory } from '../../src/core/memory/create.ts';
import type { Limits, Policy } from '../../src/core/policies/policy.ts';
import { CostModel } from '../../src/sim/cost/cost-model.ts';
import { runtimes } from '../../src/sim/cost/runtimes.ts';
import { findGpu } from '../../src/sim/hardware/catalogue.ts';
import { Metrics, type Slo } from '../../src/sim/metrics.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import type { Model } from '../../src/sim/models/model.ts';
import { type RunResult, runResult } from '../../src/sim/results.ts';
import { Simulation } from '../../src/sim/simulation.ts';
import type { Arrival, Workload } from '../../src/sim/workload/workload.ts';

/** One request; times in milliseconds. */
export interface SimAsk {
  /** After the request before it: of the other chains when it is the first of its chain, else after its answer. */
  readonly gap: number;
  readonly prompt: number;
  readonly outputs: readonly number[];
  readonly maxTokens?: number | undefined;
  readonly beamWidth?: number | undefined;
  readonly priority?: number;
  /** 0: unknown content; 1, 2 …: one of these texts; −1: its own. */
  readonly text?: number;
  readonly abortAfter?: number | undefined;
}

export interface SimScenario extends Partial<Limits> {
  /** Each chain is one client: its first request comes by the clock, the others follow answers. */
  readonly chains: readonly (readonly SimAsk[])[];
  readonly slots: number;
  readonly hostSlots?: number;
  readonly slidingWindow?: number | undefined;
  readonly caching?: boolean | undefined;
  readonly seed?: number;
}

export interface Playing {
  readonly together?: boolean;
  /** Steps of one `run` call. */
  readonly slice?: number;
  /** First arrivals of one `offer`. */
  readonly chunk?: number;
  readonly listener?: Listener;
  readonly slo?: Slo;
}

export interface Played {
  readonly result: RunResult;
  readonly metrics: Metrics;
  readonly simulation: Simulation;
  readonly memory: KvMemory;
  /** All figures, those of each request included, as text. */
  readonly json: string;
}

const gpu = findGpu('a100-40g')!;
const small = findModel('llama-3.2-1b')!;

export function withCaching(policy: Policy, caching: boolean | undefined): Policy {
  const { memory } = policy;
  if (caching === undefined || memory.kind !== 'paged') return policy;
  return { ...policy, memory: { ...memory, prefixCaching: caching } };
}

export function play(given: Policy, scenario: SimScenario, how: Playing = {}): Played {
  const { chains, slots, hostSlots = 0, slidingWindow, caching, seed = 0, ...overrides } = scenario;
  const policy = withCaching(given, caching);
  const maxModelLen = overrides.maxModelLen ?? 256;
  const limits: Limits = {
    ...policy.limits({ gpuMemory: gpu.memory, isA100: true, maxModelLen }),
    ...overrides,
  };
  const model: Model = slidingWindow === undefined ? small : { ...small, slidingWindow };
  const memory = createMemory(policy.memory, limits, {
    slots,
    hostSlots,
    ...(slidingWindow !== undefined && { slidingWindow }),
  });
  const cost = new CostModel({
    model,
    gpu,
    runtime: runtimes[policy.runtime],
    tensorParallel: 1,
    weights: 'fp16',
    kv: 'fp16',
    blockSize: limits.blockSize,
  });
  const { first, onFinished } = clients(chains);
  const metrics = new Metrics(how.slo);
  const { listener } = how;
  const simulation = new Simulation({
    policy,
    limits,
    memory,
    cost,
    seed,
    maxTokens: ({ outputTokens }) => Math.max(...outputTokens),
    workload: { onFinished },
    listener: listener
      ? {
          detail: listener.detail,
          on(event) {
            metrics.on(event);
            listener.on(event);
          },
        }
      : metrics,
    ...(how.together !== undefined && { together: how.together }),
  });
  const chunk = how.chunk ?? Math.max(1, first.length);
  const drain = () => {
    let last = simulation.run(how.slice);
    for (let slices = 0; last === 'paused'; slices++) {
      if (slices > 200_000) throw new Error('no end after 200,000 slices');
      last = simulation.run(how.slice);
    }
    return last;
  };
  for (let i = 0; i < first.length; i += chunk) {
    simulation.offer(first.slice(i, i + chunk));
    drain();
  }
  simulation.close();
  if (drain() !== 'done') throw new Error('closed, but not done');
  const result = runResult(metrics, simulation.executor.total, cost, memory.capacity);
  const each = [metrics.ids, metrics.ttft, metrics.tpot, metrics.e2el].map(list => [...list.values]);
  const { now, ended } = simulation;
  return { result, metrics, simulation, memory, json: JSON.stringify({ result, each, now, ended }) };
}

/** The arrivals that come by the clock, and the answers to completions. */
function clients(chains: SimScenario['chains']) {
  let clock = 0;
  const arrivalOf = (session: number, turn: number, sent: number): Arrival => {
    const ask = chains[session]![turn]!;
    const { prompt, outputs, maxTokens, beamWidth, priority, text, abortAfter } = ask;
    const content = text && (text < 0 ? 1000 + session * 100 + turn : text);
    return {
      arrival: sent,
      promptTokens: prompt,
      outputTokens: outputs,
      session: session * 1000 + turn,
      ...(maxTokens !== undefined && { maxTokens }),
      ...(beamWidth !== undefined && { beamWidth }),
      ...(priority !== undefined && { priority }),
      ...(abortAfter !== undefined && { abortAt: sent + abortAfter / 1000 }),
      ...(content && { tokens: { at: (position: number) => content * 100_000 + position } }),
    };
  };
  const first = chains.map((chain, session) => arrivalOf(session, 0, (clock += chain[0]!.gap / 1000)));
  const onFinished: Workload['onFinished'] = ({ arrival, finishedAt }) => {
    const session = Math.floor(arrival.session! / 1000);
    const turn = (arrival.session! % 1000) + 1;
    const next = chains[session]![turn];
    return next && arrivalOf(session, turn, finishedAt + next.gap / 1000);
  };
  return { first, onFinished };
}

const rarely = <T>(arbitrary: fc.Arbitrary<T>, weight = 5) =>
  fc.oneof({ weight, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

/** Milliseconds between arrivals: bursts, gaps of some steps, and pauses in which all is served. */
const gapArbitrary = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.double({ min: 0, max: 20, noNaN: true }) },
  { weight: 2, arbitrary: fc.double({ min: 0, max: 400, noNaN: true }) },
);

export function simAskArbitrary(longest = 60): fc.Arbitrary<SimAsk> {
  const length = fc.integer({ min: 1, max: longest });
  return fc.record({
    gap: gapArbitrary,
    prompt: length,
    outputs: fc.oneof(
      { weight: 6, arbitrary: fc.tuple(length) },
      { weight: 1, arbitrary: fc.array(length, { minLength: 2, maxLength: 3 }) },
    ),
    maxTokens: rarely(length),
    beamWidth: rarely(fc.integer({ min: 1, max: 3 }), 12),
    priority: fc.integer({ min: 0, max: 2 }),
    text: fc.integer({ min: -1, max: 2 }),
    abortAfter: rarely(fc.double({ min: 0, max: 300, noNaN: true })),
  });
}

export function simScenarioArbitrary(): fc.Arbitrary<SimScenario> {
  return fc.record({
    chains: fc.array(
      fc.oneof(
        { weight: 4, arbitrary: fc.array(simAskArbitrary(), { minLength: 1, maxLength: 1 }) },
        { weight: 1, arbitrary: fc.array(simAskArbitrary(), { minLength: 2, maxLength: 4 }) },
      ),
      { minLength: 1, maxLength: 25 },
    ),
    slots: fc.oneof(fc.integer({ min: 128, max: 600 }), fc.integer({ min: 600, max: 6000 })),
    hostSlots: fc.constantFrom(0, 64, 2000),
    blockSize: fc.constantFrom(1, 4, 16),
    maxModelLen: fc.constantFrom(64, 128),
    maxNumSeqs: fc.oneof(fc.integer({ min: 3, max: 12 }), fc.constant(Number.POSITIVE_INFINITY)),
    maxNumBatchedTokens: fc.oneof(
      fc.integer({ min: 8, max: 100 }),
      fc.constant(512),
      fc.constant(Number.POSITIVE_INFINITY),
    ),
    longPrefillTokenThreshold: fc.constantFrom(0, 0, 16),
    watermark: fc.constantFrom(0, 0.01, 0.1),
    slidingWindow: rarely(fc.integer({ min: 4, max: 40 }), 4),
    caching: fc.constantFrom(undefined, true, false),
    seed: fc.nat(),
  });
}
