import { describe, expect, test } from 'vitest';
import { type AdmissionDemand, slotKinds } from '../../../src/core/kv-memory.ts';
import { PagedKvMemory, type PagedOptions } from '../../../src/core/memory/paged.ts';
import { NO_NODE } from '../../../src/core/prefix-cache.ts';
import { type Request, Sequence } from '../../../src/core/request.ts';
import { makeRequest, widen } from '../../support/requests.ts';
import { counting, type Text } from '../../support/text.ts';

/** Lets a request in with its whole prompt (and outputs), as the scheduler does; returns the cached tokens. */
function enter(memory: PagedKvMemory, request: Request): number {
  const hit = memory.lookup(request);
  const demand: AdmissionDemand = { tokens: request.numTokens, headroom: 0 };
  expect(memory.admit(request, request.numTokens - hit, demand)).toBeUndefined();
  request.numComputedTokens = hit;
  request.numCachedTokens = hit;
  memory.advance(request, request.numTokens - hit);
  return hit;
}

/** The step's tokens are sampled: one more of each sequence is known. */
function sample(request: Request, token = 100): void {
  for (const seq of request.seqs) (seq.tokens as Text | undefined)?.ids.push(token);
  request.numOutputTokens++;
}

function decode(memory: PagedKvMemory, request: Request): void {
  expect(memory.grow(request, 1)).toBeUndefined();
  memory.advance(request, 1);
}

function forkSamples(memory: PagedKvMemory, request: Request): void {
  widen(request);
  for (const seq of request.seqs.slice(1)) memory.fork(request, request.seqs[0]!, seq);
}

function tables(memory: PagedKvMemory, request: Request) {
  return request.seqs.map(seq => [...memory.table(seq)]);
}

function freeList(memory: PagedKvMemory): number[] {
  return [...memory.pool.freeList()];
}

/** A memory whose free list is in this order, to get the block numbers of a figure. */
function inOrder(order: readonly number[], options: Omit<PagedOptions, 'numBlocks'>): PagedKvMemory {
  const memory = new PagedKvMemory({ ...options, numBlocks: order.length });
  for (const _ of order) memory.pool.pop();
  for (const block of order) memory.pool.release(block, 'back');
  expect(freeList(memory)).toEqual(order);
  return memory;
}

/** Slots of a block that hold tokens ("# filled" in the figures). */
function filled(memory: PagedKvMemory, block: number): number {
  const slots = memory.classify().slice(block * memory.blockSize, (block + 1) * memory.blockSize);
  return slots.filter(kind => kind === slotKinds.indexOf('token')).length;
}

describe("vLLM's ten-block example (design document of prefix caching)", () => {
  const r0 = counting(0, 15);
  const r1 = [...r0.slice(0, 10), 91, 92, 93, 94];
  const r2 = [...r0.slice(0, 12), ...counting(200, 17)];

  function untilBothEnded(freeOrder: 'lru' | 'uncached-first') {
    const evicted: number[] = [];
    const memory = new PagedKvMemory({ numBlocks: 10, blockSize: 4, prefixCaching: true, freeOrder });
    memory.observer = {
      allocated: () => {},
      cacheHit: () => {},
      copied: () => {},
      evicted: block => evicted.push(block),
    };
    const [a, b, c] = [makeRequest(r0), makeRequest(r1), makeRequest(r2)];
    // R0's prompt takes blocks 0 to 3; its outputs fill block 3 and take block 4.
    expect(enter(memory, a)).toBe(0);
    expect(tables(memory, a)).toEqual([[0, 1, 2, 3]]);
    for (const _ of [0, 1]) {
      sample(a);
      decode(memory, a);
    }
    expect(tables(memory, a)).toEqual([[0, 1, 2, 3, 4]]);
    // R1 shares 10 tokens, which is 2 full blocks.
    expect(enter(memory, b)).toBe(8);
    expect(tables(memory, b)).toEqual([[0, 1, 5, 6]]);
    expect([...memory.pool.refs]).toEqual([2, 2, 1, 1, 1, 1, 1, 0, 0, 0]);
    memory.free(a);
    memory.free(b);
    memory.checkIntegrity();
    return { memory, c, evicted };
  }

  test('invariants 8, 10: all freed blocks go to the back (vLLM ≤ 0.23)', () => {
    const { memory, c, evicted } = untilBothEnded('lru');
    expect(freeList(memory)).toEqual([7, 8, 9, 4, 3, 2, 6, 5, 1, 0]);
    expect(memory.lookup(c)).toBe(12);
    expect(enter(memory, c)).toBe(12);
    expect(tables(memory, c)).toEqual([[0, 1, 2, 7, 8, 9, 4, 3]]);
    expect(evicted).toEqual([3]);
    expect(freeList(memory)).toEqual([6, 5]);
    memory.checkIntegrity();
  });

  test('invariants 8, 10: blocks without a cached prefix go to the front (vLLM ≥ 0.24)', () => {
    const { memory, c, evicted } = untilBothEnded('uncached-first');
    // By hand. When R0 ends, 7 8 9 are free. Its tail 4 holds one token: no hash, so to the front; 3 and 2 are
    // full: to the back, tail first; 1 and 0 are R1's still.             → 4 7 8 9 3 2
    // When R1 ends, its tail 6 holds two tokens: to the front; 5 1 0 are full: to the back, tail first.
    expect(freeList(memory)).toEqual([6, 4, 7, 8, 9, 3, 2, 5, 1, 0]);
    // R2 takes 0 1 2 out of the list; the five it needs are the two tails and the three never used, so that,
    // unlike above, no cached block is evicted.
    expect(enter(memory, c)).toBe(12);
    expect(tables(memory, c)).toEqual([[0, 1, 2, 6, 4, 7, 8, 9]]);
    expect(evicted).toEqual([]);
    expect(freeList(memory)).toEqual([3, 5]);
    memory.checkIntegrity();
  });
});

describe('vLLM paper', () => {
  const fourScore = 7;
  const itWas = 6;

  test('Figs. 6 and 7: A: 0 → 7, 1 → 1, 2 → 3; B: 0 → 5, 1 → 2', () => {
    const memory = inOrder([7, 1, 5, 2, 3, 0, 4, 6, 8], { blockSize: 4 });
    const [a, b] = [makeRequest(fourScore), makeRequest(itWas)];
    enter(memory, a);
    expect([filled(memory, 7), filled(memory, 1)]).toEqual([4, 3]);
    enter(memory, b);
    for (const request of [a, b]) sample(request);
    // ① "fathers" goes into the slot that is left in block 1.
    for (const request of [a, b]) decode(memory, request);
    expect(tables(memory, a)).toEqual([[7, 1]]);
    expect([filled(memory, 7), filled(memory, 1)]).toEqual([4, 4]);
    // ② "brought" needs a new block, 3.
    sample(a);
    decode(memory, a);
    expect(tables(memory, a)).toEqual([[7, 1, 3]]);
    expect(tables(memory, b)).toEqual([[5, 2]]);
    expect([7, 1, 3, 5, 2].map(block => filled(memory, block))).toEqual([4, 4, 1, 4, 3]);
    // Waste stays within the last block of each (§4.3).
    expect(memory.usage()).toMatchObject({ token: 16, reserved: 4, internal: 0 });
    memory.checkIntegrity();
  });

  test('Fig. 8, invariant 14: two samples share the prompt; the first to write copies block 1 to 3', () => {
    const memory = inOrder([7, 1, 3, 0, 2, 4, 5, 6], { blockSize: 4 });
    const request = makeRequest(fourScore, { n: 2 });
    enter(memory, request);
    forkSamples(memory, request);
    sample(request);
    expect(tables(memory, request)).toEqual([
      [7, 1],
      [7, 1],
    ]);
    expect([memory.pool.refs[7], memory.pool.refs[1]]).toEqual([2, 2]);
    expect(memory.takeCopies()).toEqual([]);
    expect(memory.grow(request, 1)).toBeUndefined();
    expect(memory.takeCopies()).toEqual([{ request, src: 1, dst: 3 }]);
    expect(tables(memory, request)).toEqual([
      [7, 3],
      [7, 1],
    ]);
    expect([7, 1, 3].map(block => memory.pool.refs[block])).toEqual([2, 1, 1]);
    memory.advance(request, 1);
    expect([7, 1, 3].map(block => filled(memory, block))).toEqual([4, 4, 4]);
    // The last sharer had nothing to copy, and nobody copies again.
    sample(request);
    decode(memory, request);
    expect(memory.takeCopies()).toEqual([]);
    memory.checkIntegrity();
  });

  test('Fig. 9: four beams, of which 1 and 2 go on: 2 4 5 8 are freed, 9 to 12 taken', () => {
    // Blocks 13 to 16 are those of candidates that lost before the figure begins.
    const memory = inOrder([0, 1, 13, 14, 2, 3, 15, 16, 4, 5, 6, 7, 8, 9, 10, 11, 12], { blockSize: 2 });
    const request = makeRequest(2, { beamWidth: 4, maxTokens: 40 });
    enter(memory, request);
    forkSamples(memory, request);
    sample(request);
    const select = (parents: readonly number[]) => {
      const old = request.seqs;
      request.seqs = parents.map((parent, i) => {
        if (parents.indexOf(parent) === i) return old[parent]!;
        const seq = new Sequence(request.numSequences++, undefined);
        memory.fork(request, old[parent]!, seq);
        return seq;
      });
      for (const seq of old) if (!request.seqs.includes(seq)) memory.freeSequence(request, seq);
      memory.checkIntegrity();
    };
    const twoTokens = () => {
      for (const _ of [0, 1]) {
        decode(memory, request);
        sample(request);
      }
    };
    twoTokens();
    select([0, 0, 0, 3]);
    twoTokens();
    select([0, 0, 0, 3]);
    twoTokens();
    expect(tables(memory, request)).toEqual([
      [0, 1, 3, 5],
      [0, 1, 3, 6],
      [0, 1, 3, 7],
      [0, 2, 4, 8],
    ]);
    expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(block => memory.pool.refs[block])).toEqual([
      4, 3, 1, 3, 1, 1, 1, 1, 1,
    ]);
    select([1, 1, 2, 2]);
    expect([2, 4, 5, 8].map(block => memory.pool.refs[block])).toEqual([0, 0, 0, 0]);
    expect([0, 1, 3, 6, 7].map(block => memory.pool.refs[block])).toEqual([4, 4, 4, 2, 2]);
    decode(memory, request);
    expect(tables(memory, request)).toEqual([
      [0, 1, 3, 6, 9],
      [0, 1, 3, 6, 10],
      [0, 1, 3, 7, 11],
      [0, 1, 3, 7, 12],
    ]);
    // No block was copied: they parted at the end of a block.
    expect(memory.takeCopies()).toEqual([]);
    memory.checkIntegrity();
  });
});

describe('bugs found in nano-vllm', () => {
  test.each([
    [4, 4, 0],
    [4, 8, 4],
    [4, 9, 8],
    [256, 256, 0],
    [256, 512, 256],
    [256, 513, 512],
    [1, 3, 2],
  ])(
    '#144, invariant 12: blocks of %d, a prompt of %d that is cached whole: %d hit, at least one is computed',
    (blockSize, prompt, hit) => {
      const memory = new PagedKvMemory({ numBlocks: 8, blockSize, prefixCaching: true });
      const first = makeRequest(counting(0, prompt));
      enter(memory, first);
      // Hit while the first one still runs, and after it has gone.
      const second = makeRequest(counting(0, prompt));
      expect(enter(memory, second)).toBe(hit);
      expect(second.numComputedTokens).toBe(prompt);
      memory.free(first);
      memory.free(second);
      expect(enter(memory, makeRequest(counting(0, prompt)))).toBe(hit);
      memory.checkIntegrity();
    },
  );

  test.each([
    [256, 0],
    [256, 1],
    [257, 1],
    [511, 1],
    [511, 2],
    [512, 1],
  ])(
    '#211, #217, #218, invariant 15: a prompt of %d, preempted after %d outputs, resumes from the cache with true counts',
    (prompt, outputs) => {
      const memory = new PagedKvMemory({ numBlocks: 4, blockSize: 256, prefixCaching: true });
      const request = makeRequest(counting(0, prompt), { maxTokens: 300 });
      enter(memory, request);
      sample(request);
      for (let i = 0; i < outputs; i++) {
        decode(memory, request);
        sample(request);
      }
      const before = request.numComputedTokens;
      memory.free(request);
      request.numComputedTokens = 0;
      expect(memory.freeBlocks).toBe(4);
      expect(request.seqs[0]).toMatchObject({ blocks: [], registered: 0, node: NO_NODE, unused: 0 });
      memory.checkIntegrity();
      // Every full block is found again, and no more than is full.
      const hit = Math.floor(before / 256) * 256;
      expect(memory.lookup(request)).toBe(hit);
      expect(enter(memory, request)).toBe(hit);
      expect(request.numComputedTokens).toBe(before + 1);
      expect(memory.usage().token).toBe(before + 1);
      expect(memory.table(request.seqs[0]!)).toHaveLength(Math.ceil((before + 1) / 256));
      expect(request.seqs[0]!.registered).toBe(Math.floor((before + 1) / 256));
      sample(request);
      decode(memory, request);
      expect(memory.usage().token).toBe(before + 2);
      memory.checkIntegrity();
    },
  );

  test('#217: a victim whose growth was planned but never ran leaves nothing behind that was not computed', () => {
    const memory = new PagedKvMemory({ numBlocks: 4, blockSize: 256, prefixCaching: true });
    const request = makeRequest(counting(0, 255), { maxTokens: 300 });
    enter(memory, request);
    sample(request);
    // The 256th token would fill the block: it is registered, and then the request is preempted.
    expect(memory.grow(request, 1)).toBeUndefined();
    expect(memory.cache!.size).toBe(1);
    memory.free(request);
    request.numComputedTokens = 0;
    expect(memory.cache!.size).toBe(0);
    expect(memory.lookup(request)).toBe(0);
    expect(memory.usage()).toMatchObject({ cached: 0, free: 1024 });
    memory.checkIntegrity();
  });

  test.each([1, 2, 3, 4])(
    '#66: with blocks of %d a block is taken with its first token, neither before nor after',
    blockSize => {
      for (let prompt = 1; prompt <= 3 * blockSize + 1; prompt++) {
        const memory = new PagedKvMemory({
          numBlocks: 8 + 8 * Math.ceil(prompt / blockSize),
          blockSize,
          prefixCaching: true,
        });
        const request = makeRequest(counting(0, prompt), { maxTokens: 40 });
        enter(memory, request);
        const seq = request.seqs[0]!;
        for (let tokens = prompt; tokens < prompt + 2 * blockSize + 1; tokens++) {
          expect(memory.table(seq)).toHaveLength(Math.ceil(tokens / blockSize));
          // Full blocks, and only those, can be found.
          expect(memory.cache!.size).toBe(Math.floor(tokens / blockSize));
          sample(request, tokens);
          decode(memory, request);
          memory.checkIntegrity();
        }
      }
    },
  );
});
