import { expect } from 'vitest';
import { PagedKvMemory } from '../../src/core/memory/paged.ts';
import { orders } from '../../src/core/policies/orders.ts';
import type { Policy } from '../../src/core/policies/policy.ts';
import type { Request } from '../../src/core/request.ts';
import { type Ask, Drive, type Scenario, type Watch } from '../support/sim-drive.ts';
import { isStatic } from '../support/sim-policies.ts';

/** What every policy must do, or say why it does not. */
export interface PolicyCase {
  readonly name: string;
  /** Why this policy is exempt, or undefined. */
  readonly exempt?: (policy: Policy) => string | undefined;
  readonly run: (policy: Policy) => void;
}

export const ask = (change: Partial<Ask> = {}): Ask => ({
  gap: 0,
  prompt: 10,
  maxTokens: 30,
  outputs: [5],
  ...change,
});

/** Runs to the end with memory checked at every step; all of it is free afterwards. */
export function serve(
  policy: Policy,
  asks: readonly Ask[],
  change: Partial<Scenario> = {},
  watch: Watch = {},
): Drive {
  const drive = new Drive(policy, { asks, blocks: 200, blockSize: 4, maxModelLen: 64, ...change });
  const whole = ({ scheduler }: Drive) => scheduler.checkIntegrity();
  drive.run({
    ...watch,
    planned(d, plan) {
      whole(d);
      watch.planned?.(d, plan);
    },
    updated(d, plan) {
      whole(d);
      watch.updated?.(d, plan);
    },
  });
  expect(drive.livelock).toBe(false);
  expect(drive.scheduler.numUnfinished).toBe(0);
  const { token, reserved, internal } = drive.memory.usage();
  expect({ token, reserved, internal }).toEqual({ token: 0, reserved: 0, internal: 0 });
  if (drive.memory instanceof PagedKvMemory) expect(drive.memory.pool.used).toBe(0);
  return drive;
}

export const outputsOf = ({ requests }: Drive) =>
  requests.map(({ done }) => done.map(seq => seq.outputTokens).sort((a, b) => a - b));
const statuses = ({ requests }: Drive) => requests.map(({ status }) => status);
/** When each request was admitted first. */
export const admissionsOf = ({ events, requests }: Drive) =>
  requests.map(
    request =>
      events.find(event => event.type === 'admitted' && event.request === request)?.time ?? Number.NaN,
  );
export const endsOf = ({ events, requests }: Drive) =>
  requests.map(
    request =>
      events.find(event => event.type === 'finished' && event.request === request)?.time ?? Number.NaN,
  );
const repeat = (count: number, change: Partial<Ask> | ((i: number) => Partial<Ask>) = {}) =>
  Array.from({ length: count }, (_, i) => ask(typeof change === 'function' ? change(i) : change));

const onDemand = ({ memory }: Policy) => memory.kind === 'paged' && memory.claim === 'demand';
const aheadOfTime = (policy: Policy) =>
  onDemand(policy)
    ? undefined
    : 'claims all memory of a request when it enters, so nobody ever runs out of it';
/** Blocks of 4 that hold just one sequence of `tokens` slots. */
const blocksFor = ({ memory }: Policy, tokens: number) =>
  // Growing a padded tensor holds it twice; TGI preallocates that of a lone row.
  Math.ceil(tokens / 4) * (memory.kind === 'padded' && !memory.ragged ? 2 : 1);

export const policyCases: readonly PolicyCase[] = [
  {
    name: 'runs one request: a prefill, then a token a step',
    run(policy) {
      const drive = serve(policy, [ask()]);
      expect(outputsOf(drive)).toEqual([[5]]);
      expect(drive.requests[0]!.done[0]!.finishReason).toBe('stop');
      expect(drive.plans.map(({ totalTokens }) => totalTokens)).toEqual([10, 1, 1, 1, 1]);
      expect(endsOf(drive)).toEqual([5]);
    },
  },
  {
    name: 'runs many, and each gets its own number of tokens',
    run(policy) {
      const asks = repeat(20, i => ({ prompt: 1 + i, outputs: [1 + ((i * 7) % 30)], gap: i % 3 }));
      expect(outputsOf(serve(policy, asks))).toEqual(asks.map(({ outputs }) => [...outputs]));
    },
  },
  {
    name: 'a prompt that fills its blocks exactly, and is in the cache as a whole, still computes a token',
    run(policy) {
      for (const prompt of [4, 8, 16]) {
        const asks = [ask({ prompt, text: 1 }), ask({ prompt, text: 1, gap: 40 }), ask({ prompt, text: 1 })];
        const drive = serve(policy, asks);
        expect(outputsOf(drive)).toEqual([[5], [5], [5]]);
        for (const plan of drive.plans) for (const count of plan.numTokens) expect(count).toBeGreaterThan(0);
      }
    },
  },
  {
    name: 'a prompt of one token',
    run(policy) {
      expect(outputsOf(serve(policy, repeat(3, { prompt: 1 })))).toEqual([[5], [5], [5]]);
    },
  },
  {
    name: 'max_tokens 1: the prefill is all, and the answer is cut',
    run(policy) {
      const drive = serve(policy, [ask({ maxTokens: 1 })]);
      expect(outputsOf(drive)).toEqual([[1]]);
      expect(drive.requests[0]!.done[0]!.finishReason).toBe('length');
      expect(endsOf(drive)).toEqual([1]);
    },
  },
  {
    name: 'an answer ends with the context at the latest',
    run(policy) {
      const drive = serve(policy, [ask({ prompt: 60, maxTokens: 1000, outputs: [1000] })]);
      expect(outputsOf(drive)).toEqual([[4]]);
      expect(drive.requests[0]!.done[0]!.finishReason).toBe('length');
    },
  },
  {
    name: 'n = 3: three samples of their own lengths',
    run(policy) {
      expect(outputsOf(serve(policy, [ask({ outputs: [4, 9, 2] }), ask()]))).toEqual([[2, 4, 9], [5]]);
    },
  },
  {
    name: 'beam search of width 4: four beams that end together',
    run(policy) {
      const drive = serve(policy, [ask({ outputs: [12], beamWidth: 4 }), ask()]);
      expect(outputsOf(drive)).toEqual([[12, 12, 12, 12], [5]]);
    },
  },
  {
    name: 'abort while waiting: it never runs, those behind go on',
    run(policy) {
      const drive = serve(policy, [ask({ outputs: [20] }), ask({ abortAfter: 3 }), ask()], { maxNumSeqs: 1 });
      expect(statuses(drive)).toEqual(['finished', 'aborted', 'finished']);
      expect(admissionsOf(drive)[1]).toBeNaN();
    },
  },
  {
    name: 'abort while running: it generates no more; its memory is free at once, or when its static batch ends',
    run(policy) {
      for (const midStep of [false, true]) {
        const asks = [ask({ outputs: [30], abortAfter: 3, midStep }), ask({ outputs: [6] })];
        const drive = serve(policy, asks);
        expect(statuses(drive)).toEqual(['aborted', 'finished']);
        expect(outputsOf(drive)[1]).toEqual([6]);
        const after = drive.plans.filter(({ time }) => time >= 3);
        expect(after.length).toBeGreaterThan(0);
        for (const plan of after) {
          expect(plan.requests.map(({ id }) => id)).toEqual([1]);
          expect(plan.heldRows).toBe(isStatic(policy) ? 1 : 0);
        }
      }
    },
  },
  {
    name: 'abort while preempted',
    exempt: aheadOfTime,
    run(policy) {
      let aborted: Request | undefined;
      const watch: Watch = {
        updated({ scheduler, now }) {
          const lost = [...scheduler.waiting].find(
            ({ status }) => status === 'preempted' || status === 'swapped',
          );
          if (!lost || aborted) return;
          aborted = lost;
          expect(scheduler.abort(lost, now)).toBeDefined();
        },
      };
      const asks = repeat(4, { prompt: 6, outputs: [20], maxTokens: 20 });
      const drive = serve(policy, asks, { blocks: 12, maxModelLen: 32, watermark: 0 }, watch);
      expect(aborted).toBeDefined();
      expect(statuses(drive).sort()).toEqual(['aborted', 'finished', 'finished', 'finished']);
    },
  },
  {
    name: 'abort while swapped out: its place on the host is free again',
    exempt: aheadOfTime,
    run(policy) {
      const swapping: Policy = { ...policy, preemption: 'swap' };
      let aborted = 0;
      const watch: Watch = {
        updated({ scheduler, now }) {
          for (const request of [...scheduler.waiting]) {
            if (request.status === 'swapped' && aborted < 3) {
              aborted++;
              scheduler.abort(request, now);
            }
          }
        },
      };
      // The host holds one such request at a time.
      const asks = repeat(8, { prompt: 6, outputs: [20], maxTokens: 20, gap: 2 });
      const change = { blocks: 12, hostBlocks: 6, maxModelLen: 32, watermark: 0 };
      const drive = serve(swapping, asks, change, watch);
      expect(aborted).toBe(3);
      expect(statuses(drive).filter(status => status === 'finished')).toHaveLength(5);
    },
  },
  {
    name: 'with the priority order, the lower number enters first; ties in order of arrival',
    run(policy) {
      const asks = [3, 1, 2, 1].map(priority => ask({ priority }));
      const drive = serve({ ...policy, order: orders.priority }, [ask({ priority: 9 }), ...asks], {
        maxNumSeqs: 1,
      });
      const entered = drive.events.flatMap(event => (event.type === 'admitted' ? [event.request.id] : []));
      expect(entered).toEqual([2, 4, 3, 1, 0]);
    },
  },
  {
    name: 'equal requests enter in the order in which they came',
    run(policy) {
      const drive = serve(policy, repeat(12, { gap: 1, outputs: [8] }), { maxNumSeqs: 3 });
      const entered = drive.events.flatMap(event => (event.type === 'admitted' ? [event.request.id] : []));
      expect(entered).toEqual(entered.toSorted((a, b) => a - b));
    },
  },
  {
    name: 'a request that can never fit is rejected when it arrives; the others do not notice',
    run(policy) {
      const drive = serve(
        policy,
        [ask(), ask({ prompt: 64 }), ask({ outputs: Array<number>(9).fill(2) }), ask()],
        {
          maxNumSeqs: 8,
        },
      );
      expect(statuses(drive)).toEqual(['finished', 'rejected', 'rejected', 'finished']);
      const reasons = drive.events.flatMap(event => (event.type === 'rejected' ? [event.reason] : []));
      expect(reasons[0]).toMatch(/prompt of 64 tokens, the context is 64/);
      expect(reasons[1]).toMatch(/9 sequences, at most 8/);
    },
  },
  {
    name: 'memory for exactly one request: one after the other',
    run(policy) {
      const asks = repeat(3, { prompt: 8, maxTokens: 8, outputs: [8] });
      const drive = serve(policy, asks, { blocks: blocksFor(policy, 16), maxModelLen: 16 });
      expect(outputsOf(drive)).toEqual([[8], [8], [8]]);
    },
  },
  {
    name: '200 requests at once drain',
    run(policy) {
      const drive = serve(
        policy,
        repeat(200, i => ({ prompt: 1 + (i % 30), outputs: [1 + (i % 17)] })),
        {
          blocks: 100,
        },
      );
      expect(new Set(statuses(drive))).toEqual(new Set(['finished']));
    },
  },
  {
    name: 'a trickle of arrivals, each served before the next comes',
    run(policy) {
      const drive = serve(policy, repeat(10, { gap: 10 }));
      expect(admissionsOf(drive)).toEqual(drive.requests.map(({ arrival }) => arrival));
      expect(endsOf(drive)).toEqual(drive.requests.map(({ arrival }) => arrival + 5));
    },
  },
  {
    name: 'a newcomer joins while others run',
    exempt: policy =>
      isStatic(policy) ? 'a static batch runs to its end before the next is formed' : undefined,
    run(policy) {
      const drive = serve(policy, [ask({ outputs: [30] }), ask({ gap: 3 })]);
      expect(admissionsOf(drive)[1]).toBe(3);
    },
  },
  {
    name: 'a newcomer waits for the batch to end',
    exempt: policy => (isStatic(policy) ? undefined : 'decides anew at every step'),
    run(policy) {
      const drive = serve(policy, [ask({ outputs: [30] }), ask({ outputs: [3] }), ask({ gap: 3 })]);
      expect(admissionsOf(drive)).toEqual([0, 0, 30]);
      expect(endsOf(drive)).toEqual([30, 30, 35]);
    },
  },
  {
    name: 'a prompt longer than a step is cut into pieces that fill it',
    exempt: policy => (policy.batching().chunking === 'none' ? 'runs prompts whole' : undefined),
    run(policy) {
      const drive = serve(policy, [ask({ prompt: 27 })], { maxNumBatchedTokens: 10 });
      expect(drive.plans.slice(0, 3).map(({ numTokens }) => numTokens)).toEqual([[10], [10], [7]]);
      expect(outputsOf(drive)).toEqual([[5]]);
    },
  },
  {
    name: 'prompts run whole, whatever the long-prefill threshold, and one longer than a step is rejected',
    exempt: policy => (policy.batching().chunking === 'none' ? undefined : 'cuts prompts'),
    run(policy) {
      const asks = [ask({ prompt: 27 }), ask({ prompt: 41 })];
      const uncut = new Drive(policy, {
        asks,
        blocks: 200,
        blockSize: 4,
        maxModelLen: 64,
        maxNumBatchedTokens: 40,
      });
      uncut.run();
      expect(statuses(uncut)).toEqual(['finished', 'rejected']);
      expect(uncut.plans[0]!.numTokens).toEqual([27]);
      const drive = new Drive(policy, {
        asks: [ask({ prompt: 27 })],
        blocks: 200,
        blockSize: 4,
        maxModelLen: 64,
        longPrefillTokenThreshold: 8,
        keepThreshold: true,
      }).run();
      expect(drive.plans[0]!.numTokens).toEqual([27]);
    },
  },
  {
    name: 'memory too small for all: some are preempted, all are served',
    exempt: policy =>
      policy.admission().name === 'estimate'
        ? 'its estimate lets in so few that memory suffices here'
        : aheadOfTime(policy),
    run(policy) {
      const asks = repeat(6, { prompt: 6, outputs: [20], maxTokens: 20 });
      const drive = serve(policy, asks, { blocks: 14, maxModelLen: 32, watermark: 0 });
      expect(drive.count('preempted')).toBeGreaterThan(0);
      expect(outputsOf(drive)).toEqual(Array<number[]>(6).fill([20]));
    },
  },
  {
    name: 'memory too small for all: some wait, nobody is preempted',
    exempt: policy => (onDemand(policy) ? 'claims memory as it goes, and may run out of it' : undefined),
    run(policy) {
      const asks = repeat(6, { prompt: 6, outputs: [20], maxTokens: 20 });
      const drive = serve(policy, asks, { blocks: 20, maxModelLen: 32 });
      expect(drive.count('preempted')).toBe(0);
      expect(Math.max(...drive.plans.map(({ requests }) => requests.length))).toBeLessThan(6);
      expect(outputsOf(drive)).toEqual(Array<number[]>(6).fill([20]));
    },
  },
  {
    name: 'the same prompt again is found in the cache',
    exempt: ({ memory }) =>
      memory.kind === 'paged' && memory.prefixCaching ? undefined : 'has no prefix cache',
    run(policy) {
      const drive = serve(policy, [ask({ prompt: 13, text: 1 }), ask({ prompt: 13, text: 1, gap: 30 })]);
      expect(drive.requests.map(({ numCachedTokens }) => numCachedTokens)).toEqual([0, 12]);
      expect(drive.plans.find(({ time }) => time === 30)!.numTokens).toEqual([1]);
    },
  },
  {
    name: 'what one scheduler learns does not reach another of the same policy',
    run(policy) {
      const asks = repeat(10, i => ({ prompt: 6 + i, outputs: [18], maxTokens: 20, gap: i % 2 }));
      const change = { blocks: blocksFor(policy, 64) + 6, maxModelLen: 40, watermark: 0 };
      const first = serve(policy, asks, change);
      expect(endsOf(serve(policy, asks, change))).toEqual(endsOf(first));
    },
  },
  {
    name: 'its limits fit the machine it is given',
    run(policy) {
      for (const gpuMemory of [16, 40, 80, 141].map(gib => gib * 2 ** 30)) {
        const limits = policy.limits({ gpuMemory, isA100: false, maxModelLen: 8192 });
        expect(limits.maxModelLen).toBeLessThanOrEqual(8192);
        expect(limits.blockSize).toBeGreaterThanOrEqual(1);
        expect(limits.maxNumSeqs).toBeGreaterThanOrEqual(1);
        expect(limits.maxNumBatchedTokens).toBeGreaterThanOrEqual(
          policy.batching().chunking === 'none' ? limits.maxModelLen : 1,
        );
      }
    },
  },
];
