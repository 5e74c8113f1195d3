import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KvMemory, MemoryUsage } from '../../../src/core/kv-memory.ts';
import { ContiguousKvMemory, type ContiguousOptions } from '../../../src/core/memory/contiguous.ts';
import type { Request } from '../../../src/core/request.ts';
import { makeRequest, widen } from '../../support/requests.ts';
import { expectUsageHolds } from '../../support/usage.ts';

const maxModelLen = 64;
const small: ContiguousOptions = {
  numBlocks: 20,
  blockSize: 4,
  reserve: 'oracle',
  allocator: 'first-fit',
  maxModelLen,
};
const demand = { tokens: 1, headroom: 0 };

function memoryOf(options: Partial<ContiguousOptions> = {}): ContiguousKvMemory {
  return new ContiguousKvMemory({ ...small, ...options });
}

interface Spec {
  prompt: number;
  max: number;
  truth: number[] | undefined;
  n: number;
}

function requestOf({ prompt, max, truth, n }: Spec): Request {
  const request = makeRequest(prompt, { maxTokens: max, n, ...(truth && { truth }) });
  widen(request);
  return request;
}

/** Slots reserved for sample `i`: the paper's three variants, said with plain loops. */
function asked(options: ContiguousOptions, { prompt, max, truth }: Spec, i: number): number {
  const outputs = Math.min(truth?.[i] ?? truth?.[0] ?? max, max);
  let power = 1;
  while (power < outputs) power *= 2;
  if (options.reserve === 'max') return maxModelLen;
  return options.reserve === 'oracle' ? prompt + outputs : Math.min(maxModelLen, prompt + power);
}

const spec = (prompt: number, outputs: number): fc.Arbitrary<Spec> =>
  fc.record({
    prompt: fc.integer({ min: 1, max: prompt }),
    max: fc.integer({ min: 1, max: outputs }),
    truth: fc.option(fc.array(fc.integer({ min: 1, max: outputs }), { minLength: 1, maxLength: 3 }), {
      nil: undefined,
    }),
    n: fc.constantFrom(1, 1, 1, 2, 3),
  });

const anyOptions: fc.Arbitrary<ContiguousOptions> = fc.record({
  numBlocks: fc.integer({ min: 1, max: 80 }),
  blockSize: fc.constantFrom(1, 2, 3, 16),
  reserve: fc.constantFrom('max' as const, 'pow2' as const, 'oracle' as const),
  allocator: fc.constantFrom('buddy' as const, 'first-fit' as const),
  maxModelLen: fc.constant(maxModelLen),
});

type Step =
  | { do: 'enter'; spec: Spec }
  | { do: 'run'; at: number; chunk: number }
  | { do: 'end' | 'hold'; at: number; seq: number }
  | { do: 'free'; at: number }
  | { do: 'wait'; unmet: boolean };

/** Plays a scheduler over the memory; knows of each request only its spec, and counts slots one by one. */
class World {
  readonly options: ContiguousOptions;
  readonly memory: ContiguousKvMemory;
  readonly live: { request: Request; spec: Spec }[] = [];
  readonly dead = new Set<unknown>();

  constructor(options: ContiguousOptions) {
    this.options = options;
    this.memory = new ContiguousKvMemory(options);
  }

  play(step: Step) {
    const entry = this.live[('at' in step ? step.at : 0) % Math.max(1, this.live.length)];
    const request = entry?.request;
    switch (step.do) {
      case 'enter':
        this.#enter(step.spec);
        break;
      case 'run': {
        if (!request || request.seqs.length === 0) return;
        const last = Math.min(...request.seqs.map(seq => request.finalSlots(seq)));
        const count = Math.min(
          step.chunk,
          request.numTokens - request.numComputedTokens,
          last - request.numComputedTokens,
        );
        if (count <= 0) return;
        expect(this.memory.grow(request, count)).toBeUndefined();
        if (request.decoding && request.seqs.length === 1) {
          // As one of a set of decodes.
          request.numComputedTokens++;
          this.memory.advanceTogether(1);
          this.memory.settle();
        } else this.memory.advance(request, count);
        if (request.numComputedTokens === request.numTokens) request.numOutputTokens++;
        break;
      }
      case 'end':
      case 'hold': {
        const seq = request?.seqs[step.seq % Math.max(1, request.seqs.length)];
        if (!request || !seq) return;
        request.seqs = request.seqs.filter(other => other !== seq);
        request.done.push(seq);
        if (step.do === 'hold') {
          this.memory.hold(request, seq);
          this.dead.add(seq);
        } else this.memory.freeSequence(request, seq);
        break;
      }
      case 'free':
        if (!entry || !request) return;
        this.memory.free(request);
        this.live.splice(this.live.indexOf(entry), 1);
        for (const seq of [...request.seqs, ...request.done]) expect(this.memory.table(seq)).toEqual([]);
        break;
      case 'wait':
        this.memory.unmet = step.unmet ? { needs: 1, free: 0 } : undefined;
        break;
      default:
        step satisfies never;
    }
  }

  #enter(spec: Spec) {
    const { memory, options } = this;
    const request = requestOf(spec);
    const before = snapshot(memory);
    const shortage = memory.admit(request, 1, demand);
    if (shortage) {
      expect(snapshot(memory)).toEqual(before);
      for (const seq of request.seqs) expect(memory.table(seq)).toEqual([]);
      return;
    }
    this.live.push({ request, spec });
    for (const [i, seq] of request.seqs.entries()) {
      const needs = Math.ceil(asked(options, spec, i) / options.blockSize);
      if (options.allocator === 'first-fit') expect(memory.table(seq)).toHaveLength(needs);
      else expect(memory.table(seq).length).toBeGreaterThanOrEqual(needs);
    }
  }

  /** Slot by slot, from the definitions. */
  naiveUsage(): MemoryUsage {
    const { memory, options } = this;
    const usage = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
    const owned = new Set<number>();
    for (const { request, spec } of this.live) {
      for (const seq of [...request.seqs, ...request.done]) {
        const table = memory.table(seq);
        for (const [i, block] of table.entries()) {
          expect(block).toBe(table[0]! + i);
          expect(owned.has(block)).toBe(false);
          owned.add(block);
        }
        const own = asked(options, spec, seq.index);
        for (let slot = 0; slot < table.length * options.blockSize; slot++) {
          const dead = this.dead.has(seq);
          if (slot >= own) usage.external++;
          else if (dead || slot >= request.finalSlots(seq)) usage.internal++;
          else usage[slot < request.numComputedTokens ? 'token' : 'reserved']++;
        }
      }
    }
    const left = (options.numBlocks - owned.size) * options.blockSize;
    usage[memory.unmet ? 'external' : 'free'] += left;
    expect(memory.freeBlocks).toBe(options.numBlocks - owned.size);
    return usage;
  }

  check() {
    this.memory.checkIntegrity();
    expectUsageHolds(this.memory);
    expect(this.memory.usage()).toEqual(this.naiveUsage());
  }
}

function snapshot(memory: ContiguousKvMemory) {
  return { runs: memory.allocator.freeRuns(), usage: memory.usage(), free: memory.freeBlocks };
}

const at = fc.nat(20);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('enter' as const), spec: spec(30, 30) }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant('run' as const), at, chunk: fc.constantFrom(1, 1, 5, 100) }),
    },
    fc.record({ do: fc.constantFrom('end' as const, 'hold' as const), at, seq: at }),
    fc.record({ do: fc.constant('free' as const), at }),
    fc.record({ do: fc.constant('wait' as const), unmet: fc.boolean() }),
  ),
  { maxLength: 60 },
);

test('invariants 7, 13: reservations are counted slot by slot as their definitions say, and a failed one leaves no trace', () => {
  fc.assert(
    fc.property(anyOptions, steps, (options, steps) => {
      const world = new World(options);
      for (const step of steps) {
        world.play(step);
        world.check();
      }
      for (const { request } of world.live) world.memory.free(request);
      world.memory.unmet = undefined;
      expect(snapshot(world.memory)).toEqual(snapshot(new ContiguousKvMemory(options)));
    }),
    { numRuns: 300 },
  );
});

test('invariant 25: a request fits exactly when an empty memory admits it', () => {
  fc.assert(
    fc.property(anyOptions, spec(40, 24), (options, spec) => {
      const fits =
        new ContiguousKvMemory(options).fits(requestOf(spec), spec.prompt + spec.max) === undefined;
      const enters = new ContiguousKvMemory(options).admit(requestOf(spec), 1, demand) === undefined;
      expect(fits).toBe(enters);
    }),
    { numRuns: 1500 },
  );
});

describe('what is reserved', () => {
  const reserved = (reserve: 'max' | 'pow2' | 'oracle', prompt: number, truth: number, maxTokens = 60) => {
    const memory = memoryOf({ numBlocks: 200, blockSize: 1, reserve });
    const request = makeRequest(prompt, { maxTokens, truth: [truth] });
    memory.admit(request, 1, demand);
    return memory.table(request.seqs[0]!).length;
  };

  test.each([1, 10, 50])('max: the longest that the server allows, whatever is asked (prompt %d)', prompt => {
    expect(reserved('max', prompt, 3)).toBe(maxModelLen);
  });

  test.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [4, 4],
    [5, 8],
    [25, 32],
    [31, 32],
    [32, 32],
    [33, 54],
  ])('pow2: an output of %d reserves %d (paper §6.1: 25 → 32), never beyond the context', (truth, slots) => {
    expect(reserved('pow2', 10, truth)).toBe(10 + slots);
  });

  test.each([1, 7, 25])('oracle: prompt and true output of %d', truth => {
    expect(reserved('oracle', 10, truth)).toBe(10 + truth);
  });

  test('a true output beyond max_tokens counts as max_tokens', () => {
    expect(reserved('oracle', 10, 50, 20)).toBe(30);
    expect(reserved('pow2', 10, 50, 20)).toBe(42);
  });

  test('invariant 26: without a truth every variant goes by max_tokens', () => {
    const memory = memoryOf({ blockSize: 1, reserve: 'oracle', numBlocks: 100 });
    const request = makeRequest(5, { maxTokens: 9 });
    memory.admit(request, 1, demand);
    expect(memory.table(request.seqs[0]!)).toHaveLength(14);
  });

  test('max does not read the truth', () => {
    expect(reserved('max', 10, 1)).toBe(reserved('max', 10, 50));
  });
});

test('buddy round-up is external, so that the oracle has no internal waste but the last slot (Fig. 2)', () => {
  const memory = memoryOf({ numBlocks: 16, blockSize: 1, allocator: 'buddy' });
  const request = makeRequest(6, { maxTokens: 60, truth: [3] });
  memory.admit(request, 6, demand);
  // 9 slots asked, 16 taken; KV of the last token is never computed.
  expect(memory.usage()).toEqual({ token: 0, reserved: 8, internal: 1, external: 7, cached: 0, free: 0 });
  memory.advance(request, 6);
  expect(memory.usage()).toMatchObject({ token: 6, reserved: 2, internal: 1, external: 7 });
});

test('what is free is external while somebody waits for memory, and free again when nobody does', () => {
  const memory = memoryOf();
  const request = makeRequest(10, { truth: [6] });
  memory.admit(request, 10, demand);
  expect(memory.usage()).toMatchObject({ external: 0, free: 64 });
  memory.unmet = { needs: 20, free: 16 };
  expect(memory.usage()).toMatchObject({ external: 64, free: 0 });
  expectUsageHolds(memory);
  memory.unmet = undefined;
  expect(memory.usage()).toMatchObject({ external: 0, free: 64 });
});

test('a held sequence is internal waste until its batch ends, and its siblings go on', () => {
  const memory: KvMemory = memoryOf({ blockSize: 1, numBlocks: 40 });
  const request = requestOf({ prompt: 4, max: 10, truth: [2, 10], n: 2 });
  memory.admit(request, 4, demand);
  memory.advance(request, 4);
  request.numOutputTokens++;
  expect(memory.usage()).toMatchObject({ token: 8 });
  const [short, long] = request.seqs;
  memory.hold(request, short!);
  request.seqs = [long!];
  request.done = [short!];
  expect(memory.usage()).toMatchObject({ token: 4, internal: 6 + 1, reserved: 9 });
  memory.advance(request, 1);
  expect(memory.usage()).toMatchObject({ token: 5, internal: 6 + 1, reserved: 8 });
  expectUsageHolds(memory);
  memory.free(request);
  expect(memory.usage()).toEqual({ token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 40 });
});

test('a request never outgrows its reservation unnoticed', () => {
  const memory = memoryOf({ blockSize: 1 });
  const request = makeRequest(4, { maxTokens: 5, truth: [2] });
  memory.admit(request, 4, demand);
  memory.advance(request, 4);
  expect(memory.grow(request, 2)).toBeUndefined();
  expect(() => memory.grow(request, 3)).toThrow('outgrew its reservation of 6 slots');
});

test('seven requests of 2,048 slots in 15,728: 8.9 % is left over (Fig. 2, Orca (Max))', () => {
  const options = {
    numBlocks: 983,
    blockSize: 16,
    reserve: 'max',
    allocator: 'buddy',
    maxModelLen: 2048,
  } as const;
  const memory = new ContiguousKvMemory(options);
  let entered = 0;
  while (!memory.admit(makeRequest(161, { maxTokens: 338 }), 161, demand)) entered++;
  memory.unmet = { needs: 128, free: 87 };
  expect(entered).toBe(7);
  expect(memory.usage().external / memory.capacity).toBeCloseTo(0.089, 3);
  expectUsageHolds(memory);
});
