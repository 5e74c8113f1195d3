import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EngineEvent } from '../../src/core/events.ts';
import type { PagedKvMemory } from '../../src/core/memory/paged.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { everyPolicy, named } from '../support/sim-policies.ts';
import {
  type Playing,
  play,
  type SimAsk,
  type SimScenario,
  simScenarioArbitrary,
} from '../support/sim-run.ts';

const policyOf = (name: string) => everyPolicy.find(policy => policy.name === name)!;
const anyPolicy = fc.constantFrom(...everyPolicy.map(policy => policy.name));

/** Every policy plays random scenarios in two ways, and every figure comes out the same. */
function expectSame(
  a: Playing,
  b: fc.Arbitrary<Playing>,
  numRuns: number,
  scenarios = simScenarioArbitrary(),
): void {
  fc.assert(
    fc.property(anyPolicy, scenarios, b, (name, scenario, other) => {
      const one = play(policyOf(name), scenario, a).json;
      const two = play(policyOf(name), scenario, other).json;
      if (one !== two) expect(JSON.parse(two)).toEqual(JSON.parse(one));
      expect(one === two).toBe(true);
    }),
    { numRuns: numRuns * everyPolicy.length },
  );
}

const plain = (ask: Partial<SimAsk> = {}): SimAsk => ({ gap: 0, prompt: 20, outputs: [10], ...ask });

describe('decodes advanced together give what decodes one by one give, to the last bit', () => {
  test('for every policy and random clients', () => {
    expectSame({ together: false }, fc.constant({}), 25);
  });

  test('when memory is so short that running requests preempt each other all the time', () => {
    const short = fc
      .record({
        outputs: fc.array(fc.integer({ min: 10, max: 60 }), { minLength: 4, maxLength: 12 }),
        prompts: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 12, maxLength: 12 }),
        gaps: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 12, maxLength: 12 }),
        slots: fc.integer({ min: 112, max: 200 }),
        hostSlots: fc.constantFrom(0, 2000),
        blockSize: fc.constantFrom(1, 4, 16),
        caching: fc.constantFrom(undefined, true, false),
      })
      .map(({ outputs, prompts, gaps, ...rest }): SimScenario => {
        const chains = outputs.map((length, i) => [
          plain({
            gap: gaps[i]!,
            prompt: prompts[i]!,
            outputs: [length],
            priority: i % 3,
            text: (i % 4) - 1,
          }),
        ]);
        return { ...rest, chains, maxModelLen: 101 };
      });
    expectSame({ together: false }, fc.constant({}), 15, short);
  });

  test('when a request shares a later block of another one, but not an earlier one (two hold that text twice)', () => {
    const lengths = [
      [0, 1, 10, -1],
      [25, 1, 10, 0],
      [16, 2, 27, 1],
      [12, 36, 20, 2],
      [16, 38, 10, -1],
      [11, 1, 10, 0],
      [2, 24, 26, 1],
      [29, 1, 10, 2],
      [18, 1, 10, -1],
      [27, 1, 15, 0],
      [0, 33, 10, 1],
    ] as const;
    const chains = lengths.map(([gap, prompt, output, text]) => [
      plain({ gap, prompt, outputs: [output], text }),
    ]);
    const scenario: SimScenario = { chains, slots: 112, blockSize: 4, maxModelLen: 101 };
    for (const name of ['sglang', 'vllm', 'nano-vllm']) {
      const one = play(named(name), scenario, { together: false }).json;
      expect(JSON.parse(play(named(name), scenario).json), name).toEqual(JSON.parse(one));
    }
  });

  test('when many run at once in a large memory, some of them for long', () => {
    const chains = Array.from({ length: 120 }, (_, i) => [
      plain({
        gap: (i * 7) % 13,
        prompt: 1 + ((i * 31) % 90),
        outputs: [1 + ((i * i * 17) % 150)],
        text: (i % 5) - 1,
      }),
    ]);
    for (const policy of policies) {
      for (const caching of [false, true]) {
        const scenario: SimScenario = { chains, slots: 40_000, caching, maxModelLen: 256 };
        const one = play(policy, scenario, { together: false }).json;
        expect(play(policy, scenario).json === one, policy.name).toBe(true);
      }
    }
  });
});

describe('the way a simulation is run changes nothing', () => {
  test('27: the same again', () => {
    expectSame({}, fc.constant({}), 3);
  });

  test('in slices of some steps', () => {
    expectSame({}, fc.record({ slice: fc.integer({ min: 1, max: 40 }) }), 6);
  });

  test('with arrivals offered in chunks', () => {
    expectSame({}, fc.record({ chunk: fc.integer({ min: 1, max: 8 }) }), 15);
  });

  test('with a listener that wants detail', () => {
    expectSame({}, fc.constant({ listener: { detail: true, on: () => {} } }), 6);
  });
});

describe('closed loops, conversations and clients who hang up', () => {
  /** Requests under way after each event. */
  function underWay(scenario: SimScenario, name: string) {
    let now = 0;
    let most = 0;
    const on = ({ type }: EngineEvent) => {
      if (type === 'arrived') most = Math.max(most, ++now);
      if (type === 'finished' || type === 'rejected' || type === 'aborted') now--;
    };
    const played = play(named(name), scenario, { listener: { detail: false, on } });
    return { ...played, most, left: now };
  }

  test('N users never have more than N requests under way, and all of their requests are answered', () => {
    const chains = Array.from({ length: 6 }, (_, user) =>
      Array.from({ length: 8 }, (_, turn) =>
        plain({ prompt: 5 + user * 3, outputs: [3 + turn * 2], gap: turn % 2 }),
      ),
    );
    for (const { name } of policies) {
      const { result, most, left } = underWay({ chains, slots: 3000 }, name);
      expect(most, name).toBeLessThanOrEqual(6);
      expect(left, name).toBe(0);
      expect(result.completed, name).toBe(48);
      expect(result.max_concurrent_requests, name).toBe(most);
    }
  });

  test('a client goes on after a request that was rejected or aborted, under static batching as well', () => {
    const chains = [
      [plain({ abortAfter: 5, outputs: [200] }), plain()],
      [plain({ prompt: 999 }), plain()],
      [plain({ outputs: [60] }), plain()],
      [plain({ outputs: [3] }), plain()],
    ];
    for (const { name } of policies) {
      const { result, simulation, left } = underWay({ chains, slots: 6000 }, name);
      expect({ ...result, name }).toMatchObject({ name, completed: 6, aborted: 1, failed: 1 });
      expect(simulation.ended, name).toBe(8);
      expect(left, name).toBe(0);
    }
  });

  test('the next turn of a conversation finds the one before in the prefix cache', () => {
    const chain = [30, 70, 110].map(prompt => plain({ prompt, text: 1, gap: 5 }));
    const { result } = play(named('vllm'), { chains: [chain], slots: 2000 });
    // 30 prompt tokens and 10 of the answer, all but the last computed: two blocks of 16; then four.
    expect(result.prefix_cache_hits).toBe(32 + 64);
    expect(result.prefix_cache_queries).toBe(30 + 70 + 110);
    expect(play(named('sarathi'), { chains: [chain], slots: 2000 }).result.prefix_cache_hits).toBe(0);
  });

  test('who hangs up gives the memory back at once', () => {
    const chains = [[plain({ outputs: [200], abortAfter: 20 })], [plain({ prompt: 10, outputs: [150] })]];
    const used: number[] = [];
    let aborted = false;
    const on = (event: EngineEvent) => {
      if (event.type === 'aborted') aborted = true;
      if (event.type === 'step' && aborted) used.push(event.plan.numRequests);
    };
    const { memory, result } = play(
      named('vllm'),
      { chains, slots: 2000 },
      { listener: { detail: true, on } },
    );
    expect(result).toMatchObject({ aborted: 1, completed: 1, total_output_tokens: 150 });
    expect(Math.max(...used)).toBe(1);
    expect((memory as PagedKvMemory).pool.used).toBe(0);
  });

  test('time in which nobody is left who could hang up is not counted', () => {
    const chains = [[plain({ abortAfter: 1e6 })]];
    for (const { name } of policies) {
      const { simulation, metrics, result } = play(named(name), { chains, slots: 2000 });
      expect(simulation.now, name).toBeLessThan(10);
      expect(metrics.observed, name).toBeCloseTo(result.duration, 9);
      expect(result.busy, name).toBeCloseTo(1, 9);
    }
  });
});

describe('samples', () => {
  test('each sample ends at its own length, one that has but a single token too, whatever the policy', () => {
    for (const { name } of policies) {
      const lengths: number[][] = [];
      const on = (event: EngineEvent) => {
        if (event.type === 'finished') lengths.push(event.request.done.map(seq => seq.outputTokens));
      };
      const chains = [
        [plain({ outputs: [5, 1, 3] })],
        [plain({ outputs: [1, 2] })],
        [plain({ outputs: [1], beamWidth: 3 })],
      ];
      play(named(name), { chains, slots: 4000 }, { listener: { detail: false, on } });
      const sorted = lengths
        .map(list => list.toSorted((a, b) => a - b))
        .toSorted((a, b) => b.at(-1)! - a.at(-1)!);
      expect({ name, sorted }).toEqual({
        name,
        sorted: [
          [1, 3, 5],
          [1, 2],
          [1, 1, 1],
        ],
      });
    }
  });
});

test('another seed gives other beams, and the same requests', () => {
  const chains = Array.from({ length: 4 }, () => [plain({ outputs: [40], beamWidth: 4 })]);
  const runs = [1, 2].map(seed => play(named('vllm'), { chains, slots: 4000, seed }));
  expect(runs[0]!.json).not.toBe(runs[1]!.json);
  expect(runs[0]!.result.total_output_tokens).toBe(runs[1]!.result.total_output_tokens);
});
