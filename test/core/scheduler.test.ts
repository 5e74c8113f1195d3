import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slotKinds } from '../../src/core/kv-memory.ts';
import { PagedKvMemory } from '../../src/core/memory/paged.ts';
import { admissions } from '../../src/core/policies/admissions.ts';
import { orders } from '../../src/core/policies/orders.ts';
import type { Policy } from '../../src/core/policies/policy.ts';
import { victims } from '../../src/core/policies/victims.ts';
import type { Request } from '../../src/core/request.ts';
import type { StepPlan } from '../../src/core/step-plan.ts';
import {
  type Ask,
  Drive,
  ensure,
  fingerprint,
  rowsOf,
  type Scenario,
  scenarioArbitrary,
  type Watch,
} from '../support/sim-drive.ts';
import { composed, everyPolicy, honestPolicies, named, priorityPolicies } from '../support/sim-policies.ts';
import { histogram } from '../support/usage.ts';

const RUNS = 8;

/** Drives each policy through random scenarios; `watch` is made afresh for each drive. */
function expectOf(
  policies: readonly Policy[],
  watch: () => Watch,
  scenarios: fc.Arbitrary<Scenario> = scenarioArbitrary(),
  numRuns = RUNS,
): void {
  fc.assert(
    fc.property(anyOf(policies), scenarios, (name, scenario) => {
      new Drive(policyOf(name), scenario).run(watch());
    }),
    { numRuns: numRuns * policies.length },
  );
}

const NO_LIVELOCK: Watch = {
  livelocked({ now, scheduler }) {
    const waiting = [...scheduler.waiting].map(({ id, status }) => `${id} ${status}`);
    throw new Error(
      `livelock at ${now}: ${waiting}, head: ${JSON.stringify(scheduler.whyWaiting(scheduler.waiting.peek()!))}`,
    );
  },
};
const anyOf = (policies: readonly Policy[]) => fc.constantFrom(...policies.map(policy => policy.name));
const policyOf = (name: string) => everyPolicy.find(policy => policy.name === name)!;
const running = (request: Request) => request.status === 'running';

describe('invariants of the scheduler', () => {
  test('16: a step takes at most max_num_batched_tokens, at most max_num_seqs run, each runs at least 1 token', () => {
    expectOf(everyPolicy, () => ({
      planned(drive, plan) {
        const { limits, policy, scheduler } = drive;
        let total = 0;
        for (const [i, request] of plan.requests.entries()) {
          ensure(plan.numTokens[i]! >= 1, () => `request ${request.id} runs ${plan.numTokens[i]} tokens`);
          ensure(
            scheduler.running.includes(request),
            () => `request ${request.id} is not in the running list`,
          );
          expect(request.status).toBe('running');
          total += plan.numTokens[i]! * plan.rows[i]!;
        }
        expect(plan.totalTokens).toBe(total);
        expect(new Set(plan.requests).size).toBe(plan.requests.length);
        // Where prompts run whole, one that grew by its outputs before it was preempted may be too long for a step.
        const grown = plan.requests.length === 1 && plan.requests[0]!.numPreemptions > 0;
        const whole = policy.batching().chunking === 'none';
        if (!(whole && grown)) expect(total).toBeLessThanOrEqual(limits.maxNumBatchedTokens);
        expect(drive.rows).toBeLessThanOrEqual(limits.maxNumSeqs);
      },
      updated(drive) {
        expect(drive.rows).toBeLessThanOrEqual(drive.limits.maxNumSeqs);
      },
    }));
  });

  test('17: every request is in exactly one place: waiting, running, finished, aborted or rejected', () => {
    expectOf(everyPolicy, () => {
      const gone = new Map<Request, string>();
      let heard = 0;
      const check = (drive: Drive) => {
        const { scheduler, requests, events } = drive;
        for (; heard < events.length; heard++) {
          const event = events[heard]!;
          if (event.type !== 'finished' && event.type !== 'aborted' && event.type !== 'rejected') continue;
          const { request } = event;
          ensure(
            !gone.has(request),
            () => `request ${request.id} is over twice: ${gone.get(request)}, ${event.type}`,
          );
          gone.set(request, event.type);
        }
        const waiting = new Set(scheduler.waiting);
        const inside = new Set(scheduler.running);
        ensure(waiting.size === scheduler.waiting.size, () => 'a request waits twice');
        ensure(inside.size === scheduler.running.length, () => 'a request runs twice');
        ensure(scheduler.numUnfinished === waiting.size + inside.size, () => 'numUnfinished is wrong');
        for (const request of requests) {
          const over = gone.get(request);
          // The row of an aborted request of a static batch stays; the request itself is over.
          const places = [
            waiting.has(request),
            inside.has(request) && over !== 'aborted',
            over !== undefined,
          ];
          const count = places.filter(Boolean).length;
          ensure(count === 1, () => `request ${request.id} is in ${count} places: ${places}, ${over}`);
        }
      };
      return { arrived: check, planned: check, updated: check, ended: check };
    });
  });

  test('18: computed tokens never exceed known tokens, and fall only when a request is preempted', () => {
    expectOf(everyPolicy, () => {
      const computed = new Map<Request, number>();
      const known = new Map<Request, number>();
      const check = (drive: Drive) => {
        const plan = drive.plans.at(-1);
        for (const request of drive.requests) {
          const { id, status, numComputedTokens: now, numTokens } = request;
          const before = computed.get(request) ?? 0;
          const fail = () => `request ${id} (${status}): ${before} → ${now} computed of ${numTokens}`;
          ensure(now <= numTokens, fail);
          const at = plan?.requests.indexOf(request) ?? -1;
          if (status === 'preempted') ensure(now === 0, fail);
          else if (at >= 0 && !isOver(request))
            ensure(now === plan!.starts[at]! + plan!.numTokens[at]!, fail);
          else if (running(request)) ensure(now === before, fail);
          const resumed = plan?.admitted.includes(request) && request.numPreemptions > 0;
          if (status === 'running' && !resumed) ensure(now >= before, fail);
          ensure(numTokens >= (known.get(request) ?? 0), fail);
          computed.set(request, now);
          known.set(request, numTokens);
        }
      };
      return { planned: check, updated: check };
    });
  });

  test('19: nothing is admitted in a step that preempted', () => {
    expectOf(everyPolicy, () => ({
      planned(_, plan) {
        if (plan.preempted.length > 0) expect(plan.admitted.length).toBe(0);
        for (const request of plan.preempted) {
          expect(plan.requests.includes(request)).toBe(false);
          expect(['preempted', 'swapped']).toContain(request.status);
        }
      },
    }));
  });

  test('20: first come, first served: admitted in order of arrival, and the newest one is the victim', () => {
    const fcfs = everyPolicy.filter(({ order, victim }) => order.name === 'fcfs' && victim.name === 'newest');
    expectOf(fcfs, () => {
      let rank: Request[] = [];
      return {
        before(drive) {
          rank = drive.scheduler.running.filter(running);
        },
        planned(_, plan) {
          for (const victim of plan.preempted) expect(rank.pop()?.id).toBe(victim.id);
        },
        ended(drive) {
          const entered = drive.events.flatMap(event =>
            event.type === 'admitted' && event.from === 'waiting' ? [event.request.id] : [],
          );
          expect(entered).toEqual(entered.toSorted((a, b) => a - b));
        },
      };
    });
  });

  test('21: priority: admitted in order of (priority, arrival), the worst key loses its memory, and only for need', () => {
    const worse = (a: Request, b: Request) => a.priority - b.priority || a.arrival - b.arrival || a.id - b.id;
    expectOf(
      priorityPolicies,
      () => {
        let waiting: Request[] = [];
        let inside: Request[] = [];
        let seen = 0;
        return {
          before(drive) {
            waiting = [...drive.scheduler.waiting];
            inside = drive.scheduler.running.filter(running);
            seen = drive.events.length;
          },
          planned(drive, plan) {
            for (const victim of plan.preempted) {
              expect(victim.id).toBe(inside.toSorted(worse).at(-1)!.id);
              inside.splice(inside.indexOf(victim), 1);
            }
            for (const request of plan.admitted) {
              expect(request.id).toBe(waiting.sort(worse).shift()!.id);
            }
            for (const event of drive.events.slice(seen)) {
              if (event.type === 'preempted') expect(event.needs).toBeGreaterThan(event.free);
            }
          },
        };
      },
      undefined,
      60,
    );
  });

  test('22: the tokens of a victim that was scheduled already are given back to the step', () => {
    const policy = composed('vllm', {
      victim: priorityPolicies[0]!.victim,
      order: priorityPolicies[0]!.order,
    });
    const cached = {
      ...policy,
      memory: { ...named('vllm').memory, prefixCaching: false } as Policy['memory'],
    };
    // The low-priority one stands first in the running list and decodes first.
    const drive = new Drive(cached, {
      blockSize: 4,
      blocks: 6,
      maxNumBatchedTokens: 6,
      maxNumSeqs: 8,
      maxModelLen: 24,
      asks: [
        { gap: 0, prompt: 3, maxTokens: 20, outputs: [20], priority: 9 },
        { gap: 1, prompt: 5, maxTokens: 19, outputs: [19], priority: 0 },
      ],
    });
    let victims = 0;
    drive.run({
      planned(_, plan) {
        if (plan.preempted.length === 0) return;
        victims++;
        expect(plan.requests.map(request => request.id)).toEqual([1]);
        expect(plan.totalTokens).toBe(1);
        expect(plan.numDecodes).toBe(1);
      },
    });
    expect(victims).toBeGreaterThan(0);
    // In general: whoever runs and was not scheduled would not have fitted in what the step had left.
    const mixed = everyPolicy.filter(({ batching, stalls }) => batching().mix === 'mixed' && !stalls);
    expectOf(mixed, () => ({
      planned({ limits, scheduler }, plan) {
        const left = limits.maxNumBatchedTokens - plan.totalTokens;
        if (plan.preempted.length > 0) return;
        for (const request of scheduler.running) {
          if (running(request) && !plan.requests.includes(request)) {
            ensure(
              request.seqs.length > left,
              () => `request ${request.id} did not run though ${left} tokens were left`,
            );
          }
        }
      },
    }));
  });

  test('23: pieces keep to the long-prefill threshold, and a piece of a prompt emits no token', () => {
    expectOf(everyPolicy, () => {
      let outputs: number[] = [];
      let whole: boolean[] = [];
      return {
        planned(drive, plan) {
          const threshold = drive.limits.longPrefillTokenThreshold;
          for (const count of plan.numTokens) if (threshold > 0) expect(count).toBeLessThanOrEqual(threshold);
          outputs = plan.requests.map(request => request.numOutputTokens);
          whole = plan.requests.map(
            (request, i) => plan.starts[i]! + plan.numTokens[i]! === request.numTokens,
          );
        },
        updated(_, plan) {
          for (const [i, request] of plan.requests.entries()) {
            const emitted = request.numOutputTokens - outputs[i]!;
            if (request.status === 'aborted' || request.done.some(seq => seq.finishReason === 'abort'))
              continue;
            expect(emitted).toBe(whole[i] ? 1 : 0);
          }
        },
      };
    });
  });

  test('24: no livelock: at most 3 steps in a row plan nothing, and everything ends', () => {
    expectOf(
      everyPolicy,
      () => ({
        ...NO_LIVELOCK,
        ended({ requests, scheduler }) {
          expect(scheduler.numUnfinished).toBe(0);
          for (const { status } of requests) expect(['finished', 'aborted', 'rejected']).toContain(status);
        },
      }),
      scenarioArbitrary(),
      20,
    );
  });

  test('24: groups of samples that share a small memory with others end as well', () => {
    const groups: fc.Arbitrary<Scenario> = fc.record({
      asks: fc.array(
        fc.record({
          gap: fc.integer({ min: 0, max: 3 }),
          prompt: fc.integer({ min: 1, max: 8 }),
          maxTokens: fc.integer({ min: 1, max: 14 }),
          outputs: fc.array(fc.integer({ min: 1, max: 14 }), { minLength: 1, maxLength: 3 }),
        }),
        { minLength: 2, maxLength: 5 },
      ),
      blocks: fc.integer({ min: 4, max: 16 }),
      hostBlocks: fc.constantFrom(0, 100),
      blockSize: fc.constantFrom(1, 2, 4),
      maxModelLen: fc.constantFrom(8, 12, 16),
    });
    expectOf(everyPolicy, () => NO_LIVELOCK, groups, 40);
  });

  test('24: a group that was swapped out of a memory that just holds it comes back', () => {
    const drive = new Drive(named('vllm-v0'), {
      blockSize: 4,
      blocks: 4,
      hostBlocks: 100,
      maxModelLen: 8,
      asks: [
        { gap: 0, prompt: 3, maxTokens: 5, outputs: [5] },
        { gap: 0, prompt: 5, maxTokens: 3, outputs: [3, 3] },
      ],
    });
    drive.run(NO_LIVELOCK);
    expect(drive.events.flatMap(event => (event.type === 'preempted' ? [event.mode] : []))).toEqual(['swap']);
    expect(drive.requests.map(({ status }) => status)).toEqual(['finished', 'finished']);
  });

  test('24: two prompts in pieces do not take the memory from each other for ever, whoever is the victim', () => {
    for (const victim of Object.values(victims)) {
      for (const order of Object.values(orders)) {
        const policy = { ...composed('vllm', { victim, order }), admission: admissions['first-chunk'] };
        const drive = new Drive(policy, {
          blockSize: 1,
          blocks: 21,
          maxModelLen: 24,
          longPrefillTokenThreshold: 1,
          asks: [
            { gap: 0, prompt: 20, maxTokens: 1, outputs: [1] },
            { gap: 0, prompt: 20, maxTokens: 1, outputs: [1] },
          ],
        });
        drive.run(NO_LIVELOCK);
        expect(drive.plans.length, policy.name).toBeLessThan(100);
      }
    }
  });

  test('25: a request that can never fit is rejected when it arrives, and one that is accepted can run alone', () => {
    expectOf(everyPolicy, () => ({
      arrived(drive, request, accepted) {
        expect(accepted).toBe(request.status !== 'rejected');
        const { limits, policy, memory } = drive;
        const { maxModelLen, maxNumSeqs, maxNumBatchedTokens, blockSize } = limits;
        const total = Math.min(request.promptTokens + drive_max(request), maxModelLen);
        const blocks = request.width * Math.ceil(total / blockSize);
        const impossible =
          request.promptTokens >= maxModelLen ||
          request.width > Math.min(maxNumSeqs, maxNumBatchedTokens) ||
          (policy.memory.kind === 'paged' && blocks * blockSize > memory.capacity);
        if (impossible) expect(accepted).toBe(false);
      },
    }));
    const alone = scenarioArbitrary({ aborts: false }).map(scenario => ({
      ...scenario,
      asks: scenario.asks.slice(0, 1),
    }));
    expectOf(
      everyPolicy,
      () => ({
        ended({ requests: [request], events }) {
          expect(['finished', 'rejected']).toContain(request!.status);
          expect(events.some(event => event.type === 'preempted')).toBe(false);
        },
      }),
      alone,
      20,
    );
  });

  test('28: arrival ≤ admission ≤ first token ≤ end, and the clock of the events never goes back', () => {
    expectOf(everyPolicy, () => ({
      ended({ events, requests }) {
        let clock = 0;
        const first = new Map<string, number>();
        for (const event of events) {
          expect(event.time).toBeGreaterThanOrEqual(event.type === 'step' ? 0 : clock);
          if (event.type !== 'step') clock = event.time;
          if ('request' in event) {
            const key = `${event.type} ${event.request.id}`;
            if (!first.has(key)) first.set(key, event.time);
          }
        }
        for (const { id, arrival, status } of requests) {
          const at = (type: string) => first.get(`${type} ${id}`);
          expect(at('arrived')).toBeGreaterThanOrEqual(arrival);
          if (status !== 'finished') continue;
          const life = [
            arrival,
            at('arrived')!,
            at('admitted')!,
            at('scheduled')!,
            at('token')!,
            at('finished')!,
          ];
          expect(life).toEqual([...life].sort((a, b) => a - b));
        }
      },
    }));
  });

  test('29: work conserving: a step with room for the head of the queue takes it', () => {
    expectOf(everyPolicy, () => ({
      planned(drive, plan) {
        const { scheduler, limits, memory } = drive;
        const head = scheduler.waiting.peek();
        if (!head) return;
        ensure(
          plan.blocked !== undefined,
          () => `request ${head.id} (${head.status}) waits, nobody says why`,
        );
        // An order that looks at the cache may have changed its mind since.
        if (!drive.policy.order.arrange) expect(plan.blocked.request.id).toBe(head.id);
        const { reason } = plan.blocked;
        const left = limits.maxNumBatchedTokens - plan.totalTokens;
        const seats = limits.maxNumSeqs - drive.rows;
        switch (reason.kind) {
          case 'max-num-seqs':
            expect(rowsOf(head)).toBeGreaterThan(seats);
            break;
          case 'token-budget':
            expect(reason.needs).toBeGreaterThan(reason.left);
            if (drive.policy.batching().chunking === 'any')
              expect(head.seqs.length).toBeGreaterThan(reason.left);
            if (drive.policy.batching().mix === 'mixed') expect(reason.left).toBe(left);
            break;
          case 'no-blocks':
            // Of reserved runs there may be enough in all, but none that is long enough.
            if (memory.kind !== 'contiguous') expect(reason.needs).toBeGreaterThan(reason.free);
            if (
              memory instanceof PagedKvMemory &&
              drive.policy.batching().mix === 'mixed' &&
              !drive.policy.stalls
            ) {
              expect(reason.free).toBe(memory.freeBlocks);
            }
            break;
          case 'preemption':
            expect(plan.preempted.length).toBeGreaterThan(0);
            break;
          case 'batch-running':
            expect(drive.policy.batching().holdsFinished).toBe(true);
            expect(reason.unfinished).toBeGreaterThan(0);
            break;
          case 'join-threshold':
            expect(reason.waiting).toBeLessThan(reason.needs);
            break;
          case 'prefill-step':
            expect(drive.policy.batching().mix).toBe('prefill-first');
            expect(head.status).toBe('swapped');
            break;
          case 'decode-step':
            expect(drive.policy.batching().mix).toBe('prefill-first');
            expect(plan.admitted.length).toBeGreaterThan(0);
            break;
          default:
            reason satisfies never;
        }
      },
    }));
  });

  test('memory is whole after every step, and all free at the end (cached prefixes may stay)', () => {
    const check = ({ scheduler, memory }: Drive) => {
      scheduler.checkIntegrity();
      const [usage, walked] = [memory.usage(), histogram(memory)];
      for (const kind of slotKinds) {
        ensure(usage[kind] === walked[kind], () => `${kind}: ${usage[kind]} counted, ${walked[kind]} found`);
      }
    };
    expectOf(everyPolicy, () => ({
      arrived: check,
      planned: check,
      updated: check,
      ended(drive) {
        check(drive);
        const { token, reserved, internal, external } = drive.memory.usage();
        expect({ token, reserved, internal }).toEqual({ token: 0, reserved: 0, internal: 0 });
        if (drive.scheduler.waiting.size === 0 && !drive.memory.unmet) expect(external).toBe(0);
        if (drive.memory instanceof PagedKvMemory) expect(drive.memory.pool.used).toBe(0);
      },
    }));
  });
});

const drive_max = (request: Request) => request.maxTokens;
const isOver = ({ status }: Request) => ['finished', 'aborted', 'rejected'].includes(status);

describe('preemption', () => {
  const prone = everyPolicy.filter(({ memory }) => memory.kind === 'paged' && memory.claim === 'demand');
  const outputsOf = (drive: Drive) =>
    drive.requests.map(request =>
      request.done.map(seq => [seq.index, seq.outputTokens, seq.finishReason]).sort(),
    );

  test('15: a preempted and resumed request generates exactly as many tokens as without preemption', () => {
    let preemptions = 0;
    fc.assert(
      fc.property(anyOf(prone), scenarioArbitrary({ aborts: false, samples: false }), (name, scenario) => {
        const policy = policyOf(name);
        const tight = new Drive(policy, scenario).run();
        preemptions += tight.count('preempted');
        const roomy = new Drive(policy, { ...scenario, blocks: 2000 }).run();
        const ran = (drive: Drive) =>
          outputsOf(drive).filter((_, i) => tight.requests[i]!.status === 'finished');
        expect(roomy.count('preempted')).toBe(0);
        expect(ran(tight)).toEqual(ran(roomy));
      }),
      { numRuns: 15 * prone.length },
    );
    expect(preemptions).toBeGreaterThan(20);
  });

  test('15: what is computed again = what was lost − what the cache still had', () => {
    expectOf(
      prone,
      () => ({
        ended({ requests, events, plans }) {
          for (const request of requests) {
            if (request.status !== 'finished' || request.width > 1) continue;
            let computed = 0;
            for (const plan of plans) {
              // Empty plans and those that lost the request again never ran.
              const at = plan.requests.indexOf(request);
              if (at >= 0) computed += plan.numTokens[at]!;
            }
            let lost = 0;
            let cached = 0;
            for (const event of events) {
              if (event.type === 'preempted' && event.request === request) lost += event.lostTokens;
              if (event.type === 'admitted' && event.request === request) cached += event.cachedTokens;
            }
            const once = request.promptTokens + request.numOutputTokens - 1;
            expect(computed).toBe(once + lost - cached);
          }
        },
      }),
      scenarioArbitrary({ samples: false }),
      15,
    );
  });
});

describe('26: honest policies decide without the true output lengths', () => {
  /** Plans of two drives that differ in the true lengths alone, up to the first true end in either. */
  function tracesOf(policy: Policy, scenario: Scenario, lengths: readonly number[]) {
    const asks = scenario.asks.map((ask, i): Ask => {
      const outputs = ask.outputs.map((_, s) => lengths[(i + s) % lengths.length]!);
      return { ...ask, outputs };
    });
    const traces = [scenario, { ...scenario, asks }].map(variant => {
      const plans: unknown[] = [];
      let open = true;
      const watch: Watch = {
        planned(_, plan: StepPlan) {
          if (open) plans.push(fingerprint(plan));
        },
        updated(drive) {
          if (drive.stopped) open = false;
        },
      };
      const drive = new Drive(policy, variant).run(watch);
      return { plans, rejected: drive.requests.map(request => request.status === 'rejected') };
    });
    const both = Math.min(...traces.map(({ plans }) => plans.length));
    return traces.map(({ plans, rejected }) => ({ plans: plans.slice(0, both), rejected }));
  }
  const other = fc.array(fc.integer({ min: 2, max: 30 }), { minLength: 1, maxLength: 5 });

  test('two workloads that differ in them alone give the same plans until one of their requests ends', () => {
    fc.assert(
      fc.property(anyOf(honestPolicies), scenarioArbitrary(), other, (name, scenario, lengths) => {
        const [a, b] = tracesOf(policyOf(name), scenario, lengths);
        expect(a).toEqual(b);
      }),
      { numRuns: 12 * honestPolicies.length },
    );
  });

  test('and that would show: the two oracles give other plans', () => {
    const asks = Array.from({ length: 4 }, () => ({ gap: 0, prompt: 2, maxTokens: 20, outputs: [20] }));
    const scenario = { asks, blocks: 10, blockSize: 4, maxModelLen: 24 };
    for (const name of ['orca-pow2', 'orca-oracle']) {
      const [a, b] = tracesOf(named(name), scenario, [3]);
      expect(a).not.toEqual(b);
    }
  });
});
