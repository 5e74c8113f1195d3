import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { MemoryUsage } from '../../../src/core/kv-memory.ts';
import { PaddedKvMemory, type PaddedOptions } from '../../../src/core/memory/padded.ts';
import type { Request, Sequence } from '../../../src/core/request.ts';
import { makeRequest, widen } from '../../support/requests.ts';
import { expectUsageHolds } from '../../support/usage.ts';

const demand = { tokens: 1, headroom: 0 };

function requestOf(prompt: number, maxTokens: number, n = 1, truth?: number[]): Request {
  const request = makeRequest(prompt, { maxTokens, n, ...(truth && { truth }) });
  widen(request);
  return request;
}

interface Row {
  readonly request: Request;
  readonly seq: Sequence;
  /** Tokens it had when it ended, if it has. */
  ended?: number;
}

type Step =
  | { do: 'enter'; prompt: number; max: number; n: number; truth: number[] | undefined }
  | { do: 'prefill'; chunk: number }
  | { do: 'decode' }
  | { do: 'end'; at: number }
  | { do: 'abort'; at: number }
  | { do: 'wait'; unmet: boolean };

/**
 * Plays a scheduler. `static`: a batch enters, runs, its ended rows stay, and all leave together.
 * `continuous`: rows come whenever they fit and leave when they end (TGI).
 */
class World {
  readonly options: PaddedOptions;
  readonly memory: PaddedKvMemory;
  readonly batching: 'static' | 'continuous';
  requests: Request[] = [];
  rows: Row[] = [];
  /** Decode steps of this batch. */
  steps = 0;

  constructor(options: PaddedOptions, batching: 'static' | 'continuous') {
    this.options = options;
    this.memory = new PaddedKvMemory(options);
    this.batching = batching;
  }

  play(step: Step) {
    switch (step.do) {
      case 'enter':
        if (
          this.batching === 'continuous' ||
          this.requests.every(request => request.numComputedTokens === 0)
        ) {
          this.#enter(requestOf(step.prompt, step.max, step.n, step.truth));
        }
        break;
      case 'prefill':
        for (const request of this.requests.filter(request => request.numOutputTokens === 0)) {
          this.#advance(request, Math.min(step.chunk, request.promptTokens - request.numComputedTokens));
        }
        break;
      case 'decode': {
        const decoding = this.requests.filter(request => request.decoding && request.seqs.length > 0);
        const before = this.memory.tensor().length;
        for (const request of decoding) this.#advance(request, 1);
        if (decoding.length === 0) break;
        this.steps++;
        // Invariant of the concatenation: one column a step, for all rows.
        if (this.batching === 'static') expect(this.memory.tensor().length).toBe(this.#padded(before + 1));
        break;
      }
      case 'end': {
        const living = this.rows.filter(row => row.ended === undefined && row.request.numOutputTokens > 0);
        const row = living[step.at % Math.max(1, living.length)];
        if (row) this.#end(row);
        break;
      }
      case 'abort': {
        const started = this.requests.filter(
          request => request.seqs.length > 0 && request.numComputedTokens > 0,
        );
        const request = started[step.at % Math.max(1, started.length)];
        if (!request) break;
        if (this.batching === 'continuous') this.#free(request);
        else
          for (const row of this.rows.filter(row => row.request === request && row.ended === undefined))
            this.#end(row);
        break;
      }
      case 'wait':
        this.memory.unmet = step.unmet ? { needs: 1, free: 0 } : undefined;
        break;
      default:
        step satisfies never;
    }
    for (const row of this.rows.filter(row => row.ended === undefined)) {
      const { request, seq } = row;
      if (request.numOutputTokens > 0 && request.numComputedTokens >= request.finalSlots(seq)) this.#end(row);
    }
  }

  #padded(length: number) {
    return this.options.ragged ? 0 : length;
  }

  #enter(request: Request) {
    const before = JSON.stringify([this.memory.usage(), this.memory.tensor(), [...this.memory.classify()]]);
    const shortage = this.memory.admit(request, request.promptTokens, demand);
    expect(shortage !== undefined, 'refused').toBe(!this.#mayEnter(request));
    if (shortage) {
      expect(shortage.needs).toBeGreaterThan(shortage.free);
      const after = JSON.stringify([this.memory.usage(), this.memory.tensor(), [...this.memory.classify()]]);
      expect(after).toBe(before);
      return;
    }
    this.requests.push(request);
    for (const seq of request.seqs) this.rows.push({ request, seq });
  }

  /** The longest prompt and the longest output may meet in one row; the copy comes on top. */
  #mayEnter(request: Request): boolean {
    const { capacity, maxLength, maxTotalTokens = Number.POSITIVE_INFINITY, ragged } = this.options;
    const all = [...this.rows.map(row => row.request), ...request.seqs.map(() => request)];
    const promised = all.reduce((sum, { promptTokens, maxTokens }) => sum + promptTokens + maxTokens, 0);
    const longest =
      Math.max(...all.map(row => row.promptTokens)) + Math.max(...all.map(row => row.maxTokens));
    const worst = ragged ? promised : all.length * longest;
    const copies = ragged && all.length === 1 ? 1 : 2;
    if (copies * worst > capacity || promised > maxTotalTokens) return false;
    return ragged || this.rows.length === 0 || longest <= maxLength;
  }

  #advance(request: Request, count: number) {
    if (count === 0 || request.seqs.length === 0) return;
    expect(this.memory.grow()).toBeUndefined();
    this.memory.advance(request, count);
    if (request.numComputedTokens === request.numTokens) request.numOutputTokens++;
  }

  #end(row: Row) {
    const { request, seq } = row;
    request.done.push(seq);
    request.seqs = request.seqs.filter(other => other !== seq);
    if (this.batching === 'static') {
      row.ended = request.numComputedTokens;
      this.memory.hold(request, seq);
      if (this.rows.every(row => row.ended !== undefined))
        for (const request of [...this.requests]) this.#free(request);
    } else {
      this.memory.freeSequence(request, seq);
      this.rows = this.rows.filter(other => other !== row);
      if (request.seqs.length === 0) this.#free(request);
    }
  }

  #free(request: Request) {
    this.memory.free(request);
    this.requests = this.requests.filter(other => other !== request);
    this.rows = this.rows.filter(row => row.request !== request);
    if (this.rows.length === 0) this.steps = 0;
  }

  /** Row by row, from what a padded or ragged tensor is. */
  naiveUsage(): MemoryUsage {
    const { capacity, ragged } = this.options;
    const usage = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
    const length = Math.max(0, ...this.rows.map(row => row.request.promptTokens)) + this.steps;
    for (const { request, seq, ended } of this.rows) {
      const { promptTokens, maxTokens, numComputedTokens } = request;
      const lone = ragged && this.rows.length === 1;
      const own = Math.max(ended ?? numComputedTokens, promptTokens);
      const claimed = lone ? promptTokens + maxTokens : ragged ? own : length;
      const token = ended === undefined ? numComputedTokens : 0;
      const reserved =
        ended === undefined ? (lone ? Math.max(request.finalSlots(seq), token) : own) - token : 0;
      usage.token += token;
      usage.reserved += reserved;
      usage.internal += claimed - token - reserved;
    }
    const claimed = usage.token + usage.reserved + usage.internal;
    const grows = !(ragged && this.rows.length <= 1) && this.steps > 0;
    usage.external = grows ? claimed : 0;
    usage[this.memory.unmet ? 'external' : 'free'] += capacity - claimed - usage.external;
    return usage;
  }

  check() {
    this.memory.checkIntegrity();
    expectUsageHolds(this.memory);
    expect(this.memory.usage()).toEqual(this.naiveUsage());
    const slots = this.rows.flatMap(({ request, seq, ended }) =>
      ended !== undefined ? [] : this.memory.table(seq).slice(0, request.numComputedTokens),
    );
    expect(new Set(slots).size, 'rows do not overlap').toBe(this.memory.usage().token);
  }
}

const step = (chunk: fc.Arbitrary<number>): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('enter' as const),
        prompt: fc.integer({ min: 1, max: 12 }),
        max: fc.integer({ min: 1, max: 12 }),
        n: fc.constantFrom(1, 1, 2, 3),
        truth: fc.option(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 }), {
          nil: undefined,
        }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('prefill' as const), chunk }) },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('decode' as const) }) },
    fc.record({ do: fc.constantFrom('end' as const, 'abort' as const), at: fc.nat(20) }),
    fc.record({ do: fc.constant('wait' as const), unmet: fc.boolean() }),
  );

const options = (ragged: boolean): fc.Arbitrary<PaddedOptions> =>
  fc.record({
    capacity: fc.integer({ min: 10, max: 300 }),
    maxLength: fc.integer({ min: 10, max: 40 }),
    ragged: fc.constant(ragged),
    maxTotalTokens: fc.constantFrom(Number.POSITIVE_INFINITY, 60),
  });

const property = (ragged: boolean, batching: 'static' | 'continuous', chunk: fc.Arbitrary<number>) =>
  fc.property(options(ragged), fc.array(step(chunk), { maxLength: 60 }), (options, steps) => {
    const world = new World(options, batching);
    for (const step of steps) {
      world.play(step);
      world.check();
    }
    for (const request of world.requests) world.memory.free(request);
    expect(world.memory.usage()).toMatchObject({ token: 0, reserved: 0, internal: 0 });
    expect(world.memory.tensor()).toEqual({ length: 0, copied: 0 });
  });

const whole = fc.constant(Number.POSITIVE_INFINITY);

test('invariants 7, 18: a padded static batch is counted row by row, grows by one column a step, and admits for the worst case', () => {
  fc.assert(property(false, 'static', whole), { numRuns: 300 });
});

test('invariants 7, 18: a ragged tensor is the sum of its rows, and a lone row is preallocated', () => {
  fc.assert(property(true, 'continuous', whole), { numRuns: 300 });
});

test('ragged rows may also be held until their batch ends', () => {
  fc.assert(property(true, 'static', whole), { numRuns: 200 });
});

test.each([false, true])('prompts may also be computed in pieces (ragged: %s)', ragged => {
  const chunk = fc.constantFrom(1, 3, Number.POSITIVE_INFINITY);
  fc.assert(property(ragged, ragged ? 'continuous' : 'static', chunk), { numRuns: 200 });
});

test('pads on the left, and rows that have ended, are internal waste', () => {
  const memory = new PaddedKvMemory({ capacity: 100, maxLength: 50 });
  const [short, long] = [requestOf(3, 10), requestOf(5, 10)];
  for (const request of [short, long]) memory.admit(request, request.promptTokens, demand);
  expect(memory.usage()).toEqual({ token: 0, reserved: 8, internal: 2, external: 0, cached: 0, free: 90 });
  for (const request of [short, long]) memory.advance(request, request.promptTokens);
  expect(memory.usage()).toEqual({ token: 8, reserved: 0, internal: 2, external: 0, cached: 0, free: 90 });
  expect(memory.table(short.seqs[0]!)).toEqual([2, 3, 4]);
  expect(memory.table(long.seqs[0]!)).toEqual([5, 6, 7, 8, 9]);
  for (const request of [short, long]) memory.advance(request, 1);
  // 2 × 6 slots, and as many for the tensors that they are concatenated into.
  expect(memory.tensor()).toEqual({ length: 6, copied: 12 });
  expect(memory.usage()).toEqual({ token: 10, reserved: 0, internal: 2, external: 12, cached: 0, free: 76 });
  memory.hold(long, long.seqs[0]!);
  long.done = long.seqs;
  long.seqs = [];
  memory.advance(short, 1);
  // The ended row is computed on: 2 × 7 slots, of which one row holds 5 live tokens.
  expect(memory.usage()).toEqual({ token: 5, reserved: 0, internal: 9, external: 14, cached: 0, free: 72 });
  expectUsageHolds(memory);
});

test('admission asks for rows × (longest prompt + longest output), twice: the old tensors live until the new ones are whole', () => {
  const enters = (capacity: number) => {
    const memory = new PaddedKvMemory({ capacity, maxLength: 100 });
    memory.admit(requestOf(10, 5), 10, demand);
    return memory.admit(requestOf(4, 20), 4, demand);
  };
  // 2 × (10 + 20) = 60, and 60 more.
  expect(enters(120)).toBeUndefined();
  expect(enters(119)).toEqual({ needs: 120, free: 119 });
});

test('TGI: a lone row is preallocated and needs no room for a copy; with a second one both are copied', () => {
  const memory = new PaddedKvMemory({ capacity: 40, maxLength: 100, ragged: true });
  expect(memory.admit(requestOf(20, 15), 20, demand)).toBeUndefined();
  expect(memory.admit(requestOf(1, 1), 1, demand)).toEqual({ needs: 74, free: 40 });
});

test('a batch stays within the longest row allowed, a lone request need not (run_hf)', () => {
  const memory = new PaddedKvMemory({ capacity: 1000, maxLength: 20 });
  expect(memory.admit(requestOf(10, 11), 10, demand)).toBeUndefined();
  expect(memory.admit(requestOf(1, 1), 1, demand)).toEqual({ needs: 21, free: 20 });
  const other = new PaddedKvMemory({ capacity: 1000, maxLength: 20 });
  other.admit(requestOf(15, 3), 15, demand);
  expect(other.admit(requestOf(3, 6), 3, demand)).toEqual({ needs: 21, free: 20 });
  expect(other.admit(requestOf(3, 5), 3, demand)).toBeUndefined();
});

test('TGI: the promised sum is bounded, and several ragged rows copy all they hold at every step', () => {
  const memory = new PaddedKvMemory({
    capacity: 1000,
    maxLength: 100,
    ragged: true,
    maxTotalTokens: 50,
  });
  const [first, second] = [requestOf(10, 10), requestOf(20, 10)];
  memory.admit(first, 10, demand);
  expect(memory.tensor()).toEqual({ length: 0, copied: 0 });
  // Alone: 20 slots at once, 10 of them for its outputs, one of which is never computed.
  expect(memory.usage()).toMatchObject({ token: 0, reserved: 19, internal: 1, external: 0, free: 980 });
  memory.admit(second, 20, demand);
  for (const request of [first, second]) memory.advance(request, request.promptTokens);
  expect(memory.usage()).toMatchObject({ token: 30, reserved: 0, internal: 0, external: 0, free: 970 });
  expect(memory.tensor()).toEqual({ length: 0, copied: 30 });
  expect(memory.admit(requestOf(1, 1), 1, demand)).toEqual({ needs: 52, free: 50 });
  for (const request of [first, second]) memory.advance(request, 1);
  expect(memory.usage()).toMatchObject({ token: 32, reserved: 0, internal: 0, external: 32, free: 936 });
  expectUsageHolds(memory);
  memory.free(second);
  expect(memory.usage()).toMatchObject({ token: 11, reserved: 8, internal: 1, external: 0, free: 980 });
  expectUsageHolds(memory);
});

test('an ended row that its batch holds keeps its slots, also where rows are ragged', () => {
  const memory = new PaddedKvMemory({ capacity: 100, maxLength: 50, ragged: true });
  const [ended, other] = [requestOf(4, 10), requestOf(6, 10)];
  for (const request of [ended, other]) memory.admit(request, request.promptTokens, demand);
  for (const request of [ended, other]) memory.advance(request, request.promptTokens);
  memory.hold(ended, ended.seqs[0]!);
  ended.done = ended.seqs;
  ended.seqs = [];
  expect(memory.usage()).toMatchObject({ token: 6, internal: 4, free: 90 });
  expectUsageHolds(memory);
});

test('what is free is external while somebody waits for memory', () => {
  const memory = new PaddedKvMemory({ capacity: 50, maxLength: 50 });
  memory.admit(requestOf(4, 10), 4, demand);
  memory.unmet = { needs: 60, free: 50 };
  expect(memory.usage()).toEqual({ token: 0, reserved: 4, internal: 0, external: 46, cached: 0, free: 0 });
  expectUsageHolds(memory);
});

test.each([false, true])(
  'invariant 25: a request fits exactly when an empty memory admits it (ragged: %s)',
  ragged => {
    const lengths = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(options(ragged), lengths, lengths, fc.constantFrom(1, 2, 3), (options, prompt, max, n) => {
        const request = requestOf(prompt, max, n);
        const fits = new PaddedKvMemory(options).fits(request, prompt + max) === undefined;
        const enters = new PaddedKvMemory(options).admit(request, prompt, demand) === undefined;
        expect(fits).toBe(enters);
      }),
      { numRuns: 1000 },
    );
  },
);
