import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slotKinds } from '../../src/core/kv-memory.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { CostModel } from '../../src/sim/cost/cost-model.ts';
import { runtimes } from '../../src/sim/cost/runtimes.ts';
import { emptyCost } from '../../src/sim/cost/terms.ts';
import { findGpu } from '../../src/sim/hardware/catalogue.ts';
import { Metrics, type Slo } from '../../src/sim/metrics.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { type RunResult, runResult } from '../../src/sim/results.ts';
import { type Ask, Drive, type Scenario, scenarioArbitrary } from '../support/sim-drive.ts';
import { everyPolicy, named } from '../support/sim-policies.ts';
import { play, simScenarioArbitrary } from '../support/sim-run.ts';

const cost = new CostModel({
  model: findModel('llama-3.2-1b')!,
  gpu: findGpu('a100-40g')!,
  runtime: runtimes.vllm,
  tensorParallel: 1,
  weights: 'fp16',
  kv: 'fp16',
  blockSize: 16,
});

/** Every step takes one second, so all figures can be worked out by hand. */
function measured(
  policy: string,
  scenario: Scenario,
  slo?: Slo,
): { metrics: Metrics; result: RunResult; drive: Drive } {
  const metrics = new Metrics(slo);
  const drive = new Drive(named(policy), scenario, event => metrics.on(event)).run();
  return { metrics, drive, result: runResult(metrics, emptyCost(), cost, drive.memory.capacity) };
}

const ask = (arrives: Partial<Ask>): Ask => ({ gap: 0, prompt: 4, maxTokens: 8, outputs: [8], ...arrives });

describe('the figures of vllm bench serve, worked out by hand', () => {
  // Tokens come at: A 1, 2, 3, 4 · B (arrives 0.5, prefilled from 1 on) 2, 3 · C (arrives 2) 3.
  const asks = [
    ask({ outputs: [4] }),
    ask({ gap: 0.5, prompt: 3, outputs: [2] }),
    ask({ gap: 1.5, prompt: 5, outputs: [1] }),
  ];
  const scenario = { asks, blocks: 20, blockSize: 4, maxModelLen: 32 };

  test('TTFT, TPOT, ITL, E2EL and normalised latency', () => {
    const { metrics, result } = measured('vllm', scenario);
    const byId = (values: Float64Array) =>
      [...metrics.ids.values]
        .map((id, i) => [id, values[i]] as const)
        .sort((a, b) => a[0] - b[0])
        .map(pair => pair[1]);
    expect(byId(metrics.ttft.values)).toEqual([1, 1.5, 1]);
    expect(byId(metrics.e2el.values)).toEqual([4, 2.5, 1]);
    expect(byId(metrics.normalizedLatency.values)).toEqual([1, 1.25, 1]);
    // A (4 − 1) / 3, B (2.5 − 1.5) / 1; C has one token, which says nothing of the time between tokens.
    expect([...metrics.tpot.values]).toEqual([1, 1]);
    expect(metrics.itl.count).toBe(3 + 1);
    expect(result).toMatchObject({
      duration: 4,
      completed: 3,
      failed: 0,
      total_input_tokens: 12,
      total_output_tokens: 7,
      request_throughput: 3 / 4,
      output_throughput: 7 / 4,
      total_token_throughput: 19 / 4,
      mean_tpot_ms: 1000,
      median_e2el_ms: 2500,
      max_output_tokens_per_s: 3,
      max_concurrent_requests: 3,
      steps: 4,
      mean_batch_size: (1 + 2 + 3 + 1) / 4,
      max_batch_size: 3,
      busy: 1,
    });
    expect(result.mean_ttft_ms).toBeCloseTo(3500 / 3, 9);
    expect(result.mean_e2el_ms).toBeCloseTo(7500 / 3, 9);
    expect(result.mean_normalized_latency).toBeCloseTo(3.25 / 3, 9);
    expect(result.std_ttft_ms).toBeCloseTo(1000 * Math.sqrt(2 / 9) * 0.5, 9);
    expect(result.p99_e2el_ms).toBeCloseTo(2500 + 0.98 * 1500, 9);
    expect(result.mean_itl_ms).toBe(1000);
    // From bins of 1/2048 width.
    expect(result.std_itl_ms).toBeLessThan(0.3);
  });

  test('goodput: all limits given, a request of one token has TPOT 0, a limit is met when it is reached', () => {
    const good = (slo: Slo) => measured('vllm', scenario, slo).metrics.good;
    expect(good({})).toBe(3);
    expect(good({ ttft: 1 })).toBe(2);
    expect(good({ ttft: 1.49 })).toBe(2);
    expect(good({ ttft: 1.5 })).toBe(3);
    expect(good({ tpot: 0.5 })).toBe(1);
    expect(good({ ttft: 1, e2el: 3 })).toBe(1);
    expect(measured('vllm', scenario, { ttft: 1 }).result.request_goodput).toBe(2 / 4);
    expect(measured('vllm', scenario).result).not.toHaveProperty('request_goodput');
  });

  test('memory: slot-seconds by hand', () => {
    // One request of 4 + 3 tokens in blocks of 4; its last token is never computed: 6 slots, 2 unused.
    const { result } = measured('vllm', {
      asks: [ask({ outputs: [3] })],
      blocks: 5,
      blockSize: 4,
      maxModelLen: 32,
    });
    // Steps: 4 tokens in one block; 5 and 6 in two.
    const token = (4 + 5 + 6) / 3 / 20;
    const reserved = (0 + 1 + 0) / 3 / 20;
    const internal = (0 + 2 + 2) / 3 / 20;
    expect(result.memory.token).toBeCloseTo(token, 12);
    expect(result.memory.reserved).toBeCloseTo(reserved, 12);
    expect(result.memory.internal).toBeCloseTo(internal, 12);
    expect(result.memory.cached).toBe(0);
    expect(result.memory.free).toBeCloseTo(1 - token - reserved - internal, 12);
    expect(result.waste).toBeCloseTo(1 - token / (token + reserved + internal), 12);
    expect(result.series.memory.token).toHaveLength(result.series.batch_size.length);
  });

  test('samples: the longest counts for latency, all of them for tokens', () => {
    const { metrics, result } = measured('vllm', {
      asks: [ask({ outputs: [2, 5] })],
      blocks: 20,
      blockSize: 4,
      maxModelLen: 32,
    });
    expect(result.total_output_tokens).toBe(7);
    expect([...metrics.e2el.values]).toEqual([5]);
    expect([...metrics.tpot.values]).toEqual([1]);
    expect(metrics.itl.count).toBe(2 - 1 + 5 - 1);
    expect([...metrics.normalizedLatency.values]).toEqual([1]);
  });

  test('preemption and recomputation: the gap is one long ITL, lost tokens are counted once computed again', () => {
    const { metrics, drive } = measured('sarathi', {
      asks: [ask({ outputs: [8] }), ask({ outputs: [8] })],
      blocks: 4,
      blockSize: 4,
      maxModelLen: 12,
      watermark: 0,
      maxNumBatchedTokens: 32,
    });
    // Both hold 2 blocks after 8 tokens; the first takes a third at 9, of the newest.
    expect(metrics.preemptions).toBe(drive.count('preempted'));
    expect(metrics.preemptions).toBe(1);
    expect(metrics.recomputedTokens).toBe(8);
    // Tokens 6, 7 and 8 of the second come after the first has ended, at 8: its token 5 was at 5.
    expect([...metrics.e2el.values]).toEqual([8, 11]);
    expect(metrics.itl.quantile(1)).toBeCloseTo(4, 2);
  });

  test('a rejected request is no concurrent request', () => {
    const { result } = measured('vllm', {
      asks: [ask({ prompt: 99 })],
      blocks: 4,
      blockSize: 4,
      maxModelLen: 12,
    });
    expect(result).toMatchObject({
      failed: 1,
      completed: 0,
      duration: 0,
      request_throughput: 0,
      max_concurrent_requests: 0,
    });
  });

  test('a refused max_tokens truncates, the true length does not', () => {
    const { result } = measured('vllm', {
      asks: [ask({ outputs: [20], maxTokens: 5 }), ask({ outputs: [5], maxTokens: 5 })],
      blocks: 20,
      blockSize: 4,
      maxModelLen: 32,
    });
    expect(result).toMatchObject({ truncated: 1, total_output_tokens: 10 });
  });
});

describe('30: metrics agree with the log', () => {
  test('counts from the events are the figures of the result', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...everyPolicy.map(({ name }) => name)),
        scenarioArbitrary(),
        (name, scenario) => {
          const policy = everyPolicy.find(one => one.name === name)!;
          const metrics = new Metrics();
          const drive = new Drive(policy, scenario, event => metrics.on(event)).run();
          if (drive.livelock) return;
          const result = runResult(metrics, emptyCost(), cost, drive.memory.capacity);
          const { events } = drive;
          const all = <T extends (typeof events)[number]['type']>(type: T) =>
            events.filter((event): event is Extract<typeof event, { type: T }> => event.type === type);
          const finished = all('finished').map(({ request }) => request);
          const over = new Set(finished);
          const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
          const resumed = all('admitted').filter(event => event.from === 'preempted');
          const swaps = all('preempted').filter(event => event.mode === 'swap');
          expect(result).toMatchObject({
            completed: finished.length,
            failed: all('rejected').length,
            aborted: all('aborted').length,
            preemptions: all('preempted').length,
            swaps: swaps.length,
            steps: all('step').length,
            total_input_tokens: sum(finished.map(({ promptTokens }) => promptTokens)),
            total_output_tokens: sum(finished.flatMap(({ done }) => done.map(seq => seq.outputTokens))),
            prefix_cache_hits: sum(
              all('cache-hit').map(({ blocks }) => blocks.length * drive.memory.blockSize),
            ),
          });
          expect(metrics.ttft.length).toBe(finished.length);
          expect(metrics.e2el.length).toBe(finished.length);
          expect(result.prefix_cache_hits).toBeLessThanOrEqual(result.prefix_cache_queries);
          // One token event a token; beams that were dropped had theirs, too.
          if (finished.every(({ beam }) => !beam)) {
            const tokens = all('token').filter(({ request }) => over.has(request));
            expect(tokens.length).toBe(result.total_output_tokens);
          }
          const gaps = all('token').length;
          const started = new Set(
            all('token').map(({ request, sequence }) => `${request.id}/${sequence.index}`),
          ).size;
          const beams = drive.requests.some(({ beam }) => beam);
          if (!beams) expect(metrics.itl.count).toBe(gaps - started);
          const lost = sum(all('preempted').map(({ lostTokens }) => lostTokens));
          expect(result.recomputed_tokens).toBeLessThanOrEqual(lost);
          if (result.prefix_cache_hits === 0 && resumed.length === all('preempted').length - swaps.length) {
            expect(result.recomputed_tokens).toBe(lost);
          }
          expect(metrics.busy).toBe(all('step').length);
        },
      ),
      { numRuns: 8 * everyPolicy.length },
    );
  });

  test('the six kinds of memory sum to 1, waste and the shares of time are shares', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...policies.map(({ name }) => name)),
        simScenarioArbitrary(),
        (name, scenario) => {
          const { result, metrics } = play(named(name), scenario);
          const { memory, waste, busy, cost: spent, series } = result;
          if (metrics.observed > 0) {
            expect(slotKinds.reduce((sum, kind) => sum + memory[kind], 0)).toBeCloseTo(1, 9);
          }
          for (const share of [waste, busy, ...Object.values(memory)]) {
            expect(share).toBeGreaterThanOrEqual(0);
            expect(share).toBeLessThanOrEqual(1 + 1e-12);
          }
          if (spent.seconds > 0) {
            expect(spent.compute_bound + spent.bandwidth_bound + spent.overhead).toBeCloseTo(1, 9);
            expect(Object.values(spent.terms).reduce((a, b) => a + b, 0)).toBeCloseTo(spent.seconds, 9);
            expect(spent.mfu).toBeLessThan(1);
            expect(spent.mbu).toBeLessThan(1);
            expect(spent.seconds).toBeCloseTo(metrics.busy, 9);
          }
          for (let i = 0; i < series.batch_size.length; i++) {
            const sum = slotKinds.reduce((total, kind) => total + series.memory[kind][i]!, 0);
            expect(sum === 0 || Math.abs(sum - 1) < 1e-3).toBe(true);
          }
        },
      ),
      { numRuns: 8 * policies.length },
    );
  });
});
