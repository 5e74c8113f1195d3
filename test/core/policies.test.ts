import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstChunk } from '../../src/core/policies/admissions.ts';
import { orders } from '../../src/core/policies/orders.ts';
import type { Admission, Batching, Order, Policy, Victim } from '../../src/core/policies/policy.ts';
import { policies } from '../../src/core/policies/registry.ts';
import type { StepPlan } from '../../src/core/step-plan.ts';
import { type Ask, Drive, scenarioArbitrary, type Watch } from '../support/sim-drive.ts';
import { named, priorityPolicies } from '../support/sim-policies.ts';
import { admissionsOf, ask, endsOf, outputsOf, policyCases, serve } from './policies.cases.ts';

const extra: readonly Policy[] = [
  { ...named('vllm'), name: 'vllm-sjf', order: orders['shortest-job-first'] },
  ...priorityPolicies,
];

describe.each([...policies, ...extra].map(policy => [policy.name, policy] as const))('%s', (_, policy) => {
  for (const { name, exempt, run } of policyCases) {
    const why = exempt?.(policy);
    if (why === undefined) test(name, () => run(policy));
    // An exemption that is no longer needed is a lie.
    else test(`exempt: ${name}: ${why}`, () => expect(() => run(policy)).toThrow());
  }
});

/** Every plan of random scenarios. */
function everyPlan(
  policy: string | Policy,
  check: (plan: StepPlan, drive: Drive) => void,
  before?: Watch['before'],
): void {
  const chosen = typeof policy === 'string' ? named(policy) : policy;
  fc.assert(
    fc.property(scenarioArbitrary(), scenario => {
      const watch: Watch = { planned: (drive, plan) => check(plan, drive) };
      new Drive(chosen, scenario).run(before ? { ...watch, before } : watch);
    }),
    { numRuns: 60 },
  );
}
const kinds = (plan: StepPlan) => ({
  decodes: plan.numDecodes,
  prefills: plan.requests.length - plan.numDecodes,
});

describe('what each engine is known for', () => {
  test('vllm-v0, tgi-0.8, sglang and nano-vllm never mix prompts and decodes in a step', () => {
    for (const name of ['vllm-v0', 'tgi-0.8', 'sglang', 'nano-vllm', 'hf-static']) {
      everyPlan(name, plan => {
        // One that was preempted may find all but its last token in the cache, and is then one token like a decode.
        const resumed = plan.admitted.filter(
          ({ numPreemptions, status }) => numPreemptions > 0 && status === 'running',
        );
        if (resumed.length > 0) return;
        const { decodes, prefills } = kinds(plan);
        expect(decodes === 0 || prefills === 0, `${decodes} decodes, ${prefills} prefills`).toBe(true);
      });
    }
  });

  test('vllm, sarathi, fastgen, tgi-3 and orca mix them', () => {
    for (const name of ['vllm', 'sarathi', 'fastgen', 'tgi-3', 'orca-max', 'orca-pow2', 'orca-oracle']) {
      const { plans } = serve(named(name), [ask({ outputs: [20] }), ask({ gap: 3 })]);
      expect(plans.map(kinds)).toContainEqual({ decodes: 1, prefills: 1 });
    }
  });

  test('decodes come before prompts: a long prompt never makes a running request wait (sarathi, vllm)', () => {
    for (const name of ['sarathi', 'vllm', 'fastgen', 'tgi-3']) {
      const drive = serve(named(name), [ask({ outputs: [20] }), ask({ gap: 3, prompt: 50 })], {
        maxNumBatchedTokens: 8,
      });
      // The first needs two steps for its prompt, then a step a token.
      expect(endsOf(drive)[0], name).toBe(21);
      for (const plan of drive.plans)
        if (kinds(plan).prefills && plan.time > 2) expect(plan.totalTokens).toBeLessThanOrEqual(8);
    }
  });

  test('prompts go first: a newcomer makes running requests wait (vllm-v0, nano-vllm, sglang)', () => {
    for (const name of ['vllm-v0', 'nano-vllm', 'sglang']) {
      const drive = serve(named(name), [ask({ outputs: [20] }), ask({ gap: 3, outputs: [5] })]);
      expect(endsOf(drive), name).toEqual([21, 8]);
    }
  });

  test('nano-vllm cuts only the first prompt of a step', () => {
    everyPlan('nano-vllm', (plan, { limits }) => {
      if (limits.longPrefillTokenThreshold > 0) return;
      plan.requests.forEach((request, i) => {
        const cut = plan.starts[i]! + plan.numTokens[i]! < request.numTokens;
        if (cut) expect(i).toBe(0);
      });
    });
    const asks = [ask({ prompt: 6 }), ask({ prompt: 6 }), ask({ prompt: 30 })];
    const { plans } = serve(named('nano-vllm'), asks, { maxNumBatchedTokens: 14 });
    expect(plans.slice(0, 4).map(({ numTokens }) => numTokens)).toEqual([[6, 6], [14], [14], [2]]);
    const vllm = serve(named('vllm'), asks, { maxNumBatchedTokens: 14 });
    expect(vllm.plans[0]!.numTokens).toEqual([6, 6, 2]);
  });

  test('orca and static batches run prompts whole', () => {
    for (const { name } of policies.filter(({ batching }) => batching().chunking === 'none')) {
      everyPlan(name, plan => {
        plan.requests.forEach((request, i) => {
          expect(plan.starts[i]! + plan.numTokens[i]!).toBe(request.numTokens);
        });
      });
    }
  });

  test('tgi-3, orca and the static ones never preempt', () => {
    for (const { name } of policies.filter(
      ({ memory }) => memory.kind !== 'paged' || memory.claim === 'max',
    )) {
      everyPlan(name, plan => expect(plan.preempted).toHaveLength(0));
    }
  });

  test('tgi-0.8: newcomers join when 1.2 times as many wait as run, or after 20 decode steps', () => {
    const joinsAt = (running: number, late: number) => {
      const asks = [
        ...Array.from({ length: running }, () => ask({ outputs: [50], maxTokens: 50 })),
        ask({ gap: 4 }),
        ...Array.from({ length: late - 1 }, () => ask()),
      ];
      return admissionsOf(serve(named('tgi-0.8'), asks, { blocks: 2000 }))[running];
    };
    expect(joinsAt(10, 11)).toBe(21);
    expect(joinsAt(10, 12)).toBe(4);
    expect(joinsAt(5, 5)).toBe(21);
    expect(joinsAt(5, 6)).toBe(4);
    expect(joinsAt(1, 1)).toBe(4);
    // Nobody waits for the threshold that cannot be reached once the batch is over.
    expect(joinsAt(2, 1)).toBe(21);
  });

  test('tgi-0.8: those who wait count only if they fit beside the running ones', () => {
    const asks = [
      ...Array.from({ length: 5 }, () => ask({ outputs: [50], maxTokens: 50 })),
      ...Array.from({ length: 6 }, (_, i) => ask({ gap: i === 0 ? 4 : 0, maxTokens: 50 })),
    ];
    // Each is promised 60 slots; ten fit.
    const drive = serve(named('tgi-0.8'), asks, { blocks: 2000, maxBatchTotalTokens: 600 });
    expect(admissionsOf(drive)[5]).toBe(21);
    const why = drive.plans[4]!.blocked!.reason;
    expect(why).toEqual({ kind: 'join-threshold', waiting: 5, needs: 6 });
  });

  test('deepspeed-static: 1024 tokens a sequence, prompt and output', () => {
    const policy = named('deepspeed-static');
    const limits = policy.limits({ gpuMemory: 2 ** 36, isA100: true, maxModelLen: 4096 });
    expect(limits.maxModelLen).toBe(1024);
    const asks = [ask({ prompt: 1000, maxTokens: 500, outputs: [500] }), ask({ prompt: 1024 })];
    const drive = serve(policy, asks, { blocks: 600, maxModelLen: 1024 });
    expect(outputsOf(drive)).toEqual([[24], []]);
    expect(drive.requests[1]!.status).toBe('rejected');
  });

  test('fastgen fills forwards of 768 tokens, sarathi of 512', () => {
    for (const [name, budget] of [
      ['fastgen', 768],
      ['sarathi', 512],
    ] as const) {
      const policy = named(name);
      expect(policy.limits({ gpuMemory: 2 ** 36, isA100: true, maxModelLen: 4096 }).maxNumBatchedTokens).toBe(
        budget,
      );
      const asks = Array.from({ length: 4 }, () => ask({ prompt: 1000, maxTokens: 8 }));
      const { plans } = serve(policy, asks, { maxModelLen: 4096, blocks: 2000 });
      const full = Math.floor(4000 / budget);
      expect(plans.slice(0, full).map(({ totalTokens }) => totalTokens)).toEqual(
        Array<number>(full).fill(budget),
      );
    }
  });

  test('fastgen: one without memory sits the step out; the newest is preempted only when nobody can run', () => {
    everyPlan('fastgen', (plan, { scheduler }) => {
      if (plan.preempted.length === 0) return;
      for (const victim of plan.preempted) expect(plan.requests.includes(victim)).toBe(false);
      const ran = plan.requests.length > 0;
      expect(ran || scheduler.running.length === 0).toBe(true);
    });
    // Two of 2 blocks each in 4 blocks: the first stalls until nothing else can go on.
    const asks = [ask({ prompt: 7, outputs: [8] }), ask({ prompt: 6, outputs: [8] })];
    const drive = serve(named('fastgen'), asks, { blocks: 4, maxModelLen: 16 });
    const first = drive.events.find(event => event.type === 'preempted')!;
    const stalled = drive.plans.findIndex(({ requests }) => requests.length === 1);
    expect(drive.plans[stalled]!.preempted).toHaveLength(0);
    expect(first.time).toBeGreaterThan(drive.plans[stalled]!.time);
  });

  test('sglang retracts those with the fewest outputs, then the longest prompt', () => {
    let running: { id: number; outputs: number; prompt: number }[] = [];
    let retractions = 0;
    // Its estimate lets in so few that none is ever retracted in a small scenario.
    everyPlan(
      { ...named('sglang'), admission: firstChunk },
      plan => {
        for (const victim of plan.preempted) {
          retractions++;
          const least = running.toSorted((a, b) => a.outputs - b.outputs || b.prompt - a.prompt)[0]!;
          const { numOutputTokens, promptTokens } = victim;
          expect([numOutputTokens, promptTokens]).toEqual([least.outputs, least.prompt]);
          running = running.filter(({ id }) => id !== victim.id);
        }
      },
      ({ scheduler }) => {
        running = scheduler.running.map(({ id, numOutputTokens: outputs, promptTokens: prompt }) => ({
          id,
          outputs,
          prompt,
        }));
      },
    );
    expect(retractions).toBeGreaterThan(0);
  });

  test('sglang serves the longest cached prefix first, up to 128 waiting', () => {
    const asks = [
      ask({ prompt: 20, text: 1 }),
      ask({ prompt: 20, text: 2, gap: 20 }),
      ask({ prompt: 8, text: 1 }),
      ask({ prompt: 20, text: 1 }),
    ];
    const entered = (drive: Drive) =>
      drive.events.flatMap(event => (event.type === 'admitted' ? [event.request.id] : []));
    const few = serve(named('sglang'), asks, { blockSize: 1, maxNumSeqs: 1, blocks: 800 });
    expect(entered(few)).toEqual([0, 3, 2, 1]);
    const crowd = Array.from({ length: 130 }, () => ask({ prompt: 3, text: 0 }));
    const many = serve(named('sglang'), [...asks, ...crowd], { blockSize: 1, maxNumSeqs: 1, blocks: 800 });
    expect(entered(many).slice(0, 3)).toEqual([0, 1, 2]);
  });

  test('vllm-v0 swaps groups and recomputes single sequences', () => {
    const single = ask({ prompt: 6, outputs: [20], maxTokens: 20 });
    const group = ask({ prompt: 6, outputs: [20, 20], maxTokens: 20 });
    const modes = (asks: Ask[], hostBlocks: number) => {
      const change = { blocks: 16, hostBlocks, maxModelLen: 32, watermark: 0 };
      const { events } = serve(named('vllm-v0'), asks, change);
      return [...new Set(events.flatMap(event => (event.type === 'preempted' ? [event.mode] : [])))];
    };
    expect(modes([single, group, group], 100)).toEqual(['swap']);
    expect(modes([single, single, single, single], 100)).toEqual(['recompute']);
    // A host without room: computed again.
    expect(modes([single, group, group], 0)).toEqual(['recompute']);
  });

  test('a static batch of 10, 50 and 100 tokens holds two latecomers back until the longest ends', () => {
    const asks = [
      ...[10, 50, 100].map(length => ask({ outputs: [length], maxTokens: 100 })),
      ask({ gap: 5, outputs: [40], maxTokens: 100 }),
      ask({ outputs: [30], maxTokens: 100 }),
    ];
    const space = { maxModelLen: 128, blocks: 400 };
    for (const name of ['hf-static', 'deepspeed-static', 'faster-transformer']) {
      const drive = serve(named(name), asks, space);
      expect(admissionsOf(drive), name).toEqual([0, 0, 0, 100, 100]);
      expect(endsOf(drive), name).toEqual([100, 100, 100, 140, 140]);
      const rows = drive.plans.map(({ requests, heldRows }) => [requests.length, heldRows]);
      expect([rows[9], rows[10], rows[49], rows[50], rows[99]]).toEqual([
        [3, 0],
        [2, 1],
        [2, 1],
        [1, 2],
        [1, 2],
      ]);
    }
    for (const name of ['vllm', 'sarathi', 'fastgen', 'tgi-3', 'orca-max', 'orca-oracle']) {
      const drive = serve(named(name), asks, space);
      expect(admissionsOf(drive), name).toEqual([0, 0, 0, 5, 5]);
      expect(endsOf(drive), name).toEqual([10, 50, 100, 45, 35]);
    }
    // Their prompts take a step of their own.
    const v0 = serve(named('vllm-v0'), asks, space);
    expect(endsOf(v0)).toEqual([11, 51, 101, 45, 35]);
  });
});

describe('26: the types keep the truth from policies', () => {
  // Checked by the compiler: each line below a directive would compile if the hook could see what it names.
  test('no hook can read the true output length, or what is worked out from it', () => {
    const admission: Partial<Admission> = {
      demand(request, upTo) {
        // @ts-expect-error the truth
        const truth = request.truth;
        // @ts-expect-error what follows from it
        const slots = request.finalSlots;
        // @ts-expect-error what follows from it
        const outputs = request.finalOutputs;
        // @ts-expect-error the reading of the clock at which it ends
        const tick = request.endTick;
        // @ts-expect-error the slots of a sequence that will stay unused
        const unused = request.seqs[0]?.unused;
        return { tokens: upTo + [truth, slots, outputs, tick, unused].length, headroom: 0 };
      },
    };
    const victim: Partial<Victim> = {
      // @ts-expect-error the truth
      pick: running => running.findIndex(request => request.truth !== undefined),
    };
    const batching: Partial<Batching> = {
      mayJoin(view) {
        // @ts-expect-error the truth
        for (const request of view.running) if (request.truth) return { kind: 'preemption' };
        // @ts-expect-error the truth
        for (const request of view.waiting) if (request.truth) return { kind: 'preemption' };
        return undefined;
      },
    };
    const order: Partial<Order> = {
      // @ts-expect-error the truth
      compare: (a, b) => Number(a.truth === b.truth),
    };
    const arranged: Partial<Order> = {
      // @ts-expect-error what follows from it
      arrange: () => (a, b) => Number(a.finalSlots === b.finalSlots),
    };
    expect([admission, victim, batching, order, arranged]).toHaveLength(5);
  });
});
