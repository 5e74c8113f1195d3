import { describe, expect, test } from 'vitest';
import type { EngineEvent } from '../../src/core/events.ts';
import { PagedKvMemory } from '../../src/core/memory/paged.ts';
import type { Request } from '../../src/core/request.ts';
import { Scheduler } from '../../src/core/scheduler.ts';
import type { StepPlan } from '../../src/core/step-plan.ts';
import { makeRequest } from '../support/requests.ts';
import { ensure, playModel } from '../support/sim-drive.ts';
import { composed } from '../support/sim-policies.ts';

const MODEST = { blockSize: 4, maxModelLen: 32, maxNumSeqs: 8, maxNumBatchedTokens: 64 };

interface Driven {
  readonly requests: readonly Request[];
  readonly preempted: readonly Extract<EngineEvent, { type: 'preempted' }>[];
  readonly plans: readonly StepPlan[];
}

/** As the engine drives it: the next step is planned, or not, before the tokens of the last are known. */
function drive(ahead: boolean, lengths: readonly (readonly [prompt: number, outputs: number])[]): Driven {
  const policy = composed('vllm', { preemption: 'swap' });
  const memory = new PagedKvMemory({ blockSize: 4, numBlocks: 4, prefixCaching: false, hostBlocks: 8 });
  const preempted: Driven['preempted'][number][] = [];
  const limits = { ...policy.limits({ gpuMemory: 0, isA100: false, maxModelLen: 32 }), ...MODEST };
  const scheduler = new Scheduler(policy, limits, memory, {
    detail: true,
    on: event => {
      if (event.type === 'preempted') preempted.push(event);
    },
  });
  const requests = lengths.map(([prompt, outputs]) => makeRequest(prompt, { maxTokens: outputs }));
  for (const request of requests) scheduler.add(request, 0);
  const plans: StepPlan[] = [];
  let flying: StepPlan | undefined;
  for (let now = 0; flying || scheduler.numUnfinished > 0; now++) {
    ensure(now < 200, () => `no end: ${requests.map(({ id, status }) => `${id} ${status}`)}`);
    if (!flying) {
      flying = scheduler.schedule(now);
      plans.push(flying);
      if (flying.empty) flying = undefined;
      continue;
    }
    let next: StepPlan | undefined;
    if (ahead) {
      scheduler.expect(flying);
      next = scheduler.schedule(now);
      plans.push(next);
    }
    scheduler.update(flying, playModel(flying), now);
    memory.checkIntegrity();
    flying = next?.empty ? undefined : next;
  }
  expect(memory.pool.used).toBe(0);
  return { requests, preempted, plans };
}

describe('what is under way', () => {
  const lengths = [
    [4, 12],
    [5, 10],
  ] as const;

  test('is computed again when its memory is taken, and never moved to the host', () => {
    const { requests, preempted, plans } = drive(true, lengths);
    expect(preempted.length).toBeGreaterThan(0);
    expect(new Set(preempted.map(({ mode }) => mode))).toEqual(new Set(['recompute']));
    expect(plans.every(plan => plan.swappedOutBlocks === 0 && plan.swappedInBlocks === 0)).toBe(true);
    expect(requests.map(({ status, numOutputTokens }) => [status, numOutputTokens])).toEqual([
      ['finished', 12],
      ['finished', 10],
    ]);
  });

  test('is what keeps it from being moved: where all tokens are known, the same victim is', () => {
    const { requests, preempted } = drive(false, lengths);
    expect(preempted.map(({ mode, request }) => [mode, request === requests[1]])).toEqual([['swap', true]]);
    expect(requests.map(({ numOutputTokens }) => numOutputTokens)).toEqual([12, 10]);
  });
});
