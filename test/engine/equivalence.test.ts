import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policies } from '../../src/core/policies/registry.ts';
import { completeParams, type SamplingOptions } from '../../src/engine/complete-params.ts';
import type { GenerationRequest } from '../../src/engine/generation-request.ts';
import type { RequestOutput } from '../../src/engine/outputs.ts';
import { FeedingRunner } from '../support/feeding-runner.ts';
import { alone, tinyEngine } from '../support/tiny-engine.ts';
import { tinyConfig } from '../support/tiny-model.ts';

const CONTEXT = 40;

interface Ask {
  /** Steps after the request before it. */
  readonly gap: number;
  /** Which of the shared texts it begins with, how far, and what follows. */
  readonly text: number;
  readonly shared: number;
  readonly own: readonly number[];
  readonly params: SamplingOptions;
  readonly abortAfter: number | undefined;
}

const token = fc.integer({ min: 3, max: 63 });
const asks: fc.Arbitrary<Ask> = fc
  .record({
    gap: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 }) },
    ),
    text: fc.integer({ min: 0, max: 1 }),
    shared: fc.constantFrom(0, 5, 9, 16),
    own: fc.array(token, { minLength: 1, maxLength: 8 }),
    maxTokens: fc.integer({ min: 1, max: 16 }),
    n: fc.constantFrom(1, 1, 1, 2, 3),
    temperature: fc.constantFrom(0, 0, 1),
    ignoreEos: fc.boolean(),
    seed: fc.integer({ min: 0, max: 3 }),
    abortAfter: fc.oneof(
      { weight: 6, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 12 }) },
    ),
  })
  .map(({ maxTokens, n, temperature, ignoreEos, seed, ...ask }) => ({
    ...ask,
    params: { maxTokens, n, temperature, ignoreEos, seed },
  }));

const scenarios = fc.record({
  asks: fc.array(asks, { minLength: 1, maxLength: 8 }),
  blockSize: fc.constantFrom(1, 2, 4, 8),
  slots: fc.integer({ min: 40, max: 130 }),
  maxNumSeqs: fc.integer({ min: 3, max: 8 }),
  maxNumBatchedTokens: fc.integer({ min: 8, max: 64 }),
  longPrefillTokenThreshold: fc.constantFrom(0, 0, 3),
  slidingWindow: fc.constantFrom(undefined, undefined, 6),
  factor: fc.constantFrom(1, 1, 2),
  ahead: fc.boolean(),
});
type Scenario = typeof scenarios extends fc.Arbitrary<infer T> ? T : never;

const texts = [0, 1].map(text => Array.from({ length: 16 }, (_, i) => 3 + ((i * 17 + text * 29 + 5) % 61)));
const promptOf = (ask: Ask) => [...texts[ask.text]!.slice(0, ask.shared), ...ask.own];

/** What a scenario met, to see that scenarios meet everything. */
const met = {
  finished: 0,
  rejected: 0,
  preempted: 0,
  cached: 0,
  forked: 0,
  held: 0,
  aborted: 0,
  copied: 0,
  ahead: 0,
};

async function play(policy: string, scenario: Scenario): Promise<void> {
  const { asks, blockSize, slots, factor, slidingWindow, ahead, ...limits } = scenario;
  const runners: FeedingRunner[] = [];
  const config = tinyConfig({ maxModelLen: CONTEXT, ...(slidingWindow !== undefined && { slidingWindow }) });
  const engine = await tinyEngine({
    ...limits,
    policy,
    config,
    blockSize,
    blocks: Math.floor(slots / blockSize),
    factor: blockSize % factor === 0 ? factor : 1,
    wrap: runner => {
      if (!ahead) return runner;
      const feeding = new FeedingRunner(runner);
      runners.push(feeding);
      return feeding;
    },
    listener: {
      detail: true,
      on(event) {
        if (event.type === 'preempted') met.preempted++;
        if (event.type === 'admitted' && event.cachedTokens > 0) met.cached++;
        if (event.type === 'forked') met.forked++;
        if (event.type === 'step' && event.plan.heldRows > 0) met.held++;
        if (event.type === 'copied') met.copied++;
      },
    },
  });
  const outputs = new Map<Ask, RequestOutput>();
  const aborts: { at: number; request: GenerationRequest }[] = [];
  let accepted = 0;
  const arrive = (ask: Ask, now: number) => {
    const added = engine.add({
      promptTokenIds: promptOf(ask),
      params: completeParams(ask.params),
      onFinish: output => outputs.set(ask, output),
    });
    if ('rejected' in added) met.rejected++;
    else {
      accepted++;
      if (ask.abortAfter !== undefined) aborts.push({ at: now + ask.abortAfter, request: added });
    }
  };
  let at = 0;
  const due = asks.map(ask => ({ ask, at: (at += ask.gap) }));
  for (let now = 0, next = 0; ; now++) {
    while (next < due.length && due[next]!.at <= now) arrive(due[next++]!.ask, now);
    // In the middle of a step, when the GPU runs.
    const step = engine.step();
    for (const { at, request } of aborts) if (at === now) engine.abort(request);
    const ran = await step;
    engine.scheduler.checkIntegrity();
    if (!ran && next === due.length) break;
  }
  expect(outputs.size).toBe(accepted);
  for (const { deepest } of runners) if (deepest > 1) met.ahead++;
  for (const [ask, output] of outputs) {
    for (const { index, tokenIds, finishReason } of output.outputs) {
      const whole = await alone(config, promptOf(ask), ask.params, index);
      // Memory so small that it cannot hold the context shortens the context.
      const expected = whole.slice(0, engine.scheduler.limits.maxModelLen - promptOf(ask).length);
      if (finishReason === 'abort') {
        met.aborted++;
        expect(tokenIds).toEqual(expected.slice(0, tokenIds.length));
      } else {
        met.finished++;
        expect(tokenIds).toEqual(expected);
        expect(finishReason).toBe(tokenIds.at(-1) === 2 && !ask.params.ignoreEos ? 'stop' : 'length');
      }
    }
  }
  engine.dispose();
}

test.each(policies.map(({ name }) => name))(
  '%s: whatever is batched, chunked, preempted, found, forked or aborted, each request gets the tokens it gets alone',
  async name => {
    await fc.assert(
      fc.asyncProperty(scenarios, scenario => play(name, scenario)),
      { numRuns: 60 },
    );
  },
);

test('these scenarios met everything that can go wrong', () => {
  for (const [what, count] of Object.entries(met)) expect(count, what).toBeGreaterThan(25);
});
