import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MemoryUsage, NULL_BLOCK } from '../../../src/core/kv-memory.ts';
import { PagedKvMemory, type PagedOptions } from '../../../src/core/memory/paged.ts';
import { NO_NODE } from '../../../src/core/prefix-cache.ts';
import { Request, type RequestSpec, Sequence } from '../../../src/core/request.ts';
import { NaivePaged } from '../../support/naive-paged.ts';
import { makeRequest, widen } from '../../support/requests.ts';
import { counting, Text } from '../../support/text.ts';
import { expectUsageHolds } from '../../support/usage.ts';

interface Planned {
  readonly request: Request;
  readonly count: number;
}

/**
 * Drives memory and model side by side as the scheduler does, and plays the GPU: each slot remembers the
 * whole text whose KV was written to it, so that a foreign or stale slot shows when it is read.
 */
class World {
  readonly options: PagedOptions;
  /** Single decodes advance together, on a clock, as those of a `DecodeSet` do. */
  readonly together: boolean;
  readonly clock = { computed: 0, outputs: 0 };
  readonly memory: PagedKvMemory;
  readonly naive: NaivePaged;
  readonly gpu: (string | undefined)[];
  readonly waiting: Request[] = [];
  readonly running: Request[] = [];
  /** Texts known to the test alone, also of requests whose content the memory is not told. */
  readonly texts = new Map<Sequence, number[]>();
  /** The step: running requests grow or are preempted, then others enter, then it runs, then it is booked. */
  phase: 'running' | 'entering' | 'closed' | 'ran' = 'running';
  planned: Planned[] = [];
  #preempted = false;
  #host = new Map<Request, (string | undefined)[][]>();
  /** Host slots on their way back. */
  #incoming: { block: number; content: (string | undefined)[] }[] = [];
  #evicted: number[] = [];
  #requests = 0;

  constructor(options: PagedOptions, together: boolean) {
    this.options = options;
    this.together = together && options.slidingWindow === undefined;
    this.memory = new PagedKvMemory(options);
    this.naive = new NaivePaged(options);
    this.gpu = new Array<string | undefined>(this.memory.capacity);
    this.memory.observer = {
      allocated: (_request, seq, blocks) => {
        if (blocks.length > 0) expect(this.memory.table(seq).slice(-blocks.length)).toEqual(blocks);
      },
      cacheHit: () => {},
      evicted: block => this.#evicted.push(block),
      copied: () => {},
    };
  }

  arrive(
    spec: Omit<RequestSpec, 'promptTokens' | 'arrival'>,
    ids: number[],
    known: 'all' | 'prompt' | 'nothing',
  ) {
    const tokens = known === 'all' ? new Text(ids) : new Text(ids).withoutForks();
    const full = { ...spec, arrival: 0, promptTokens: ids.length, ...(known !== 'nothing' && { tokens }) };
    const request = new Request(this.#requests++, full);
    if (!this.memory.forks) widen(request);
    for (const seq of request.seqs) this.texts.set(seq, ids.slice());
    if (this.memory.fits(request, request.promptTokens + request.maxTokens)) return;
    this.waiting.push(request);
  }

  grow(at: number, wanted: number): boolean {
    const request = pick(this.running, at)!;
    const count = Math.min(wanted, request.numTokens - request.numComputedTokens);
    const expected = this.naive.grow(request, count);
    expect(this.memory.grow(request, count)).toEqual(expected);
    if (expected) return false;
    for (const seq of request.seqs) {
      // Invariant 14, before anyone enters who may hit what is about to be written.
      for (const [block] of this.#slots(request, seq, count)) expect(this.memory.pool.refs[block]).toBe(1);
    }
    this.planned.push({ request, count });
    return true;
  }

  preempt(at: number, swap: boolean) {
    const request = pick(this.running, at)!;
    this.#preempted = true;
    this.planned = this.planned.filter(other => other.request !== request);
    this.running.splice(this.running.indexOf(request), 1);
    this.waiting.unshift(request);
    this.#leave(request);
    if (swap && request.decoding) {
      const expected = this.naive.swapOut(request);
      expect(this.memory.swapOut(request)).toBe(expected);
      if (expected !== undefined) {
        request.status = 'swapped';
        // The executor moves blocks out before anything is written in this step.
        this.#host.set(
          request,
          request.seqs.map(seq => this.memory.table(seq).flatMap(block => this.#contentOf(block))),
        );
        return;
      }
    }
    this.naive.freeRequest(request);
    this.memory.free(request);
    request.status = 'preempted';
    request.numComputedTokens = 0;
  }

  /** One whole step as the scheduler makes it: all that run go on, the newest yields, the head of the queue enters. */
  round(luck: () => number) {
    for (let i = 0; i < this.running.length; i++) {
      const request = this.running[i]!;
      while (!this.grow(i, luck() % 4 === 0 ? 1 : Number.POSITIVE_INFINITY)) {
        const newest = this.running.length - 1;
        const self = this.running[newest] === request;
        this.preempt(newest, luck() % 2 === 0);
        if (self) break;
      }
    }
    while (this.mayEnter && this.enter(0, luck() % 4 === 0 ? 1 : Number.POSITIVE_INFINITY, 0, 0));
    this.execute();
    this.check();
    this.update(luck);
  }

  get mayEnter() {
    return (
      this.waiting.length > 0 && !this.#preempted && (this.phase === 'running' || this.phase === 'entering')
    );
  }

  enter(at: number, wanted: number, extra: number, headroom: number): boolean {
    const request = pick(this.waiting, at)!;
    this.phase = 'entering';
    const entered =
      request.status === 'swapped' ? this.#swapIn(request) : this.#admit(request, wanted, extra, headroom);
    if (!entered) return false;
    this.waiting.splice(this.waiting.indexOf(request), 1);
    this.running.push(request);
    request.status = 'running';
    return true;
  }

  #admit(request: Request, wanted: number, extra: number, headroom: number): boolean {
    const hit = this.memory.lookup(request);
    expect(hit).toBe(this.naive.hits(request)[0]!.length * this.options.blockSize);
    expect(hit).toBeLessThan(request.numTokens);
    const chunk = Math.min(wanted, request.numTokens - hit);
    const demand = { tokens: hit + chunk + extra, headroom: this.running.length > 0 ? headroom : 0 };
    const expected = this.naive.admit(request, chunk, demand);
    expect(this.memory.admit(request, chunk, demand)).toEqual(expected);
    if (expected) return false;
    request.numComputedTokens = hit;
    this.planned.push({ request, count: chunk });
    return true;
  }

  #swapIn(request: Request): boolean {
    const moved = this.memory.swapIn(request);
    if (!('blocks' in moved)) {
      expect(moved.needs).toBeGreaterThan(moved.free);
      return false;
    }
    expect(this.naive.swapIn(request)).toBe(moved.blocks);
    for (const [s, seq] of request.seqs.entries()) {
      const contents = this.#host.get(request)![s]!;
      const { blockSize } = this.options;
      for (const [i, block] of this.memory.table(seq).entries()) {
        this.#incoming.push({ block, content: contents.slice(i * blockSize, (i + 1) * blockSize) });
      }
    }
    this.#host.delete(request);
    const expected = this.naive.grow(request, 1);
    expect(expected).toBeUndefined();
    expect(this.memory.grow(request, 1)).toBeUndefined();
    this.planned.push({ request, count: 1 });
    return true;
  }

  /** The executor's order: swaps, copies, forward pass. */
  execute() {
    this.phase = 'ran';
    const { blockSize } = this.options;
    const copies = this.memory.takeCopies();
    expect(copies.map(({ src, dst }) => ({ src, dst }))).toEqual(
      this.naive.copies.map(({ src, dst }) => ({ src, dst })),
    );
    this.naive.copies = [];
    expect(this.memory.takeCopies()).toEqual([]);
    for (const { block, content } of this.#incoming) this.#fill(block, content);
    for (const { src, dst } of copies) this.#fill(dst, this.#contentOf(src));
    this.#incoming = [];
    const writers = new Map<number, Sequence>();
    const writes: [slot: number, content: string][] = [];
    for (const { request, count } of this.planned) {
      for (const seq of request.seqs) {
        for (const [block, offset, position] of this.#slots(request, seq, count)) {
          // A block with several holders has one that writes; the others found it in the cache in this very step.
          if ((writers.get(block) ?? seq) !== seq) throw new Error(`two sequences write to block ${block}`);
          writers.set(block, seq);
          writes.push([block * blockSize + offset, this.#kv(request, this.texts.get(seq)!, position)]);
        }
      }
    }
    let together = 0;
    for (const { request, count } of this.planned) {
      if (this.together && request.width === 1 && request.decoding) {
        request.clock = this.clock;
        request.numComputedTokens++;
        together++;
      } else this.memory.advance(request, count);
    }
    this.memory.advanceTogether(together);
    for (const [slot, content] of writes) this.gpu[slot] = content;
  }

  /** Whoever leaves the set is settled first. */
  #leave(request: Request) {
    if (!request.clock) return;
    this.memory.settle(request);
    request.clock = undefined;
  }

  /** What `Scheduler.update` does with the memory. `luck` is the stream of everything that a model may say. */
  update(luck: () => number) {
    for (const { request } of this.planned) {
      if (request.status !== 'running' || request.numComputedTokens < request.numTokens) continue;
      if (request.numOutputTokens === 0 && this.memory.forks && request.width > 1) {
        const first = request.seqs[0]!;
        widen(request);
        for (const seq of request.seqs) if (seq !== first) this.#fork(request, first, seq);
      }
      if (request.beam && request.seqs.length > 1 && this.memory.forks) this.#selectBeams(request, luck);
      for (const seq of request.seqs) {
        const token = luck() % 2;
        this.texts.get(seq)!.push(token);
        (seq.tokens as Text | undefined)?.ids.push(token);
      }
      request.numOutputTokens++;
      this.#endSequences(request, luck);
    }
    this.planned = [];
    this.phase = 'running';
    this.#preempted = false;
  }

  #fork(request: Request, from: Sequence, to: Sequence) {
    this.memory.fork(request, from, to);
    this.naive.fork(from, to);
    this.texts.set(to, this.texts.get(from)!.slice());
  }

  #selectBeams(request: Request, luck: () => number) {
    const old = request.seqs;
    const parents = old.map(() => luck() % old.length);
    request.seqs = parents.map((parent, i) => {
      const from = old[parent]!;
      if (parents.indexOf(parent) === i) return from;
      const index = request.numSequences++;
      const seq = new Sequence(index, from.tokens?.fork?.(index));
      this.#fork(request, from, seq);
      return seq;
    });
    for (const seq of old) {
      if (request.seqs.includes(seq)) continue;
      this.memory.freeSequence(request, seq);
      this.naive.freeSequence(request, seq);
    }
  }

  #endSequences(request: Request, luck: () => number) {
    const { truth, maxTokens, numOutputTokens, beam } = request;
    for (const seq of request.seqs) {
      const length = Math.min(maxTokens, (beam ? undefined : truth?.[seq.index]) ?? truth?.[0] ?? maxTokens);
      if (numOutputTokens < length && (beam || luck() % 16 > 0)) continue;
      this.#leave(request);
      seq.finishReason = 'stop';
      // Paged memory takes a held sequence's blocks back all the same.
      if (luck() % 2 === 0) this.memory.hold(request, seq);
      else this.memory.freeSequence(request, seq);
      this.naive.freeSequence(request, seq);
    }
    request.seqs = request.seqs.filter(seq => !seq.finishReason);
    if (request.seqs.length > 0) return;
    this.memory.free(request);
    this.running.splice(this.running.indexOf(request), 1);
    request.status = 'finished';
  }

  abort(at: number) {
    const all = [...this.running, ...this.waiting];
    const request = pick(all, at)!;
    for (const list of [this.running, this.waiting])
      if (list.includes(request)) list.splice(list.indexOf(request), 1);
    if (request.status === 'running') {
      this.#leave(request);
      this.memory.free(request);
      this.naive.freeRequest(request);
    } else if (request.status === 'swapped') {
      this.memory.dropSwapped(request);
      this.naive.dropSwapped(request);
    }
    request.status = 'aborted';
  }

  /** Block, offset and position of the next `count` tokens of a sequence. */
  #slots(
    request: Request,
    seq: Sequence,
    count: number,
  ): [block: number, offset: number, position: number][] {
    const { blockSize } = this.options;
    const from = request.numComputedTokens;
    return Array.from({ length: count }, (_, i) => {
      const block = this.memory.table(seq)[Math.floor((from + i) / blockSize)];
      if (block === undefined || block === NULL_BLOCK) throw new Error(`no slot for token ${from + i}`);
      return [block, (from + i) % blockSize, from + i];
    });
  }

  #kv(request: Request, ids: readonly number[], position: number): string {
    return kvOf(request.tokens ? request.cacheKey : `unknown ${request.id}`, ids, position);
  }

  #contentOf(block: number): (string | undefined)[] {
    const { blockSize } = this.options;
    if (block === NULL_BLOCK) return new Array<undefined>(blockSize).fill(undefined);
    return this.gpu.slice(block * blockSize, (block + 1) * blockSize);
  }

  #fill(block: number, content: (string | undefined)[]) {
    if (block === NULL_BLOCK) return;
    for (const [i, kv] of content.entries()) this.gpu[block * this.options.blockSize + i] = kv;
  }

  check() {
    const { memory, naive } = this;
    expect([...memory.pool.freeList()], 'free list').toEqual(naive.free);
    expect([...memory.pool.refs], 'references').toEqual(naive.refs);
    for (const request of [...this.running, ...this.waiting]) {
      for (const seq of request.seqs) expect(memory.table(seq), 'table').toEqual(naive.table(seq));
    }
    for (const request of this.waiting)
      expect(request.numComputedTokens > 0).toBe(request.status === 'swapped');
    this.#checkCache();
    expect(this.#evicted, 'evictions').toEqual(naive.evicted);
    memory.checkIntegrity();
    expectUsageHolds(memory);
    if (this.planned.length > 0 && this.phase !== 'ran') return;
    this.#checkContent();
    expect(memory.usage()).toEqual(this.#naiveUsage());
  }

  /** The blocks that the cache knows, and by which texts. */
  #checkCache() {
    const { memory, naive } = this;
    if (!memory.cache) return;
    const blocks = Array.from({ length: memory.pool.size }, (_, block) => block);
    const known = blocks.filter(block => memory.cache!.nodeOf(block) !== NO_NODE);
    expect(known, 'cached blocks').toEqual(blocks.filter(block => naive.cached.has(block)));
    expect(memory.cache.size).toBe(known.length);
    for (const text of new Set(naive.cached.values())) {
      const [key, ids] = JSON.parse(text) as [string, number[]];
      const found = naive.chain(key, ids, Number.POSITIVE_INFINITY);
      expect(memory.cache.lookup(key, new Text(ids), ids.length / memory.blockSize), text).toEqual(found);
    }
  }

  /** Between steps every live sequence reads its own tokens, and every cached block holds what it is found by. */
  #checkContent() {
    const { blockSize, slidingWindow = Number.POSITIVE_INFINITY } = this.options;
    const foreign: unknown[] = [];
    for (const request of this.running) {
      for (const seq of request.seqs) {
        const ids = this.texts.get(seq)!;
        for (let position = 0; position < request.numComputedTokens; position++) {
          const block = this.memory.table(seq)[Math.floor(position / blockSize)]!;
          const read =
            block === NULL_BLOCK ? undefined : this.gpu[block * blockSize + (position % blockSize)];
          const due = this.#kv(request, ids, position);
          const behind = block === NULL_BLOCK && position <= request.numComputedTokens - slidingWindow;
          if (read !== due && !behind)
            foreign.push({ request: request.id, seq: seq.index, position, read, due });
        }
      }
    }
    for (const [block, text] of this.naive.cached) {
      const [key, ids] = JSON.parse(text) as [string, number[]];
      for (let offset = 0; offset < blockSize; offset++) {
        const read = this.gpu[block * blockSize + offset];
        const due = kvOf(key, ids, ids.length - blockSize + offset);
        if (read !== due) foreign.push({ block, offset, read, due });
      }
    }
    expect(foreign).toEqual([]);
  }

  /** The definitions of the six kinds, slot by slot. */
  #naiveUsage(): MemoryUsage {
    const { blockSize } = this.options;
    const usage = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
    for (const [block, refs] of this.naive.refs.entries()) {
      const holders = this.running.flatMap(request =>
        request.seqs.flatMap(seq => {
          const index = this.naive.table(seq).indexOf(block);
          return index < 0 ? [] : [{ request, seq, index }];
        }),
      );
      expect(holders).toHaveLength(refs);
      for (let offset = 0; offset < blockSize; offset++) {
        if (refs === 0) usage[this.naive.cached.has(block) ? 'cached' : 'free']++;
        else if (holders.some(({ request, index }) => index * blockSize + offset < request.numComputedTokens))
          usage.token++;
        else {
          const { request, seq, index } = holders[0]!;
          const never = refs === 1 && index * blockSize + offset >= request.finalSlots(seq);
          usage[never ? 'internal' : 'reserved']++;
        }
      }
    }
    return usage;
  }

  /** Ends the step and aborts everybody: all blocks come back. */
  drain() {
    if (this.phase !== 'ran') this.execute();
    this.update(() => 1);
    while (this.running.length + this.waiting.length > 0) this.abort(0);
    this.check();
    expect(this.memory.freeBlocks).toBe(this.options.numBlocks);
    expect(this.naive.hostUsed).toBe(0);
    const { cached, free } = this.memory.usage();
    expect(cached + free).toBe(this.memory.capacity);
  }
}

/** KV of a token depends on all before it, and on the adapter. */
function kvOf(key: string, ids: readonly number[], position: number): string {
  return `${key}:${ids.slice(0, position + 1).join('')}`;
}

function pick<T>(items: readonly T[], at: number): T | undefined {
  return items[at % Math.max(1, items.length)];
}

/** A command of one line: a name, when it makes sense, and what it does. The world is checked after each. */
class Do implements fc.Command<World, PagedKvMemory> {
  readonly name: string;
  readonly when: (world: World) => boolean;
  readonly act: (world: World) => void;

  constructor(name: string, when: (world: World) => boolean, act: (world: World) => void) {
    this.name = name;
    this.when = when;
    this.act = act;
  }

  check(world: Readonly<World>) {
    return this.when(world as World);
  }

  run(world: World) {
    this.act(world);
    world.check();
  }

  toString() {
    return this.name;
  }
}

/** Lengths of up to so many blocks, often just at a block's border. */
const length = (blockSize: number, blocks: number) =>
  fc.oneof(
    fc.integer({ min: 1, max: blocks * blockSize }),
    fc.integer({ min: 1, max: blocks }).map(count => count * blockSize),
    fc.integer({ min: 1, max: blocks }).map(count => count * blockSize + 1),
  );

/** Blocks of a long prompt: enough to see several, few enough for several requests. */
const longest = (blockSize: number) => (blockSize === 1 ? 5 : blockSize < 4 ? 3 : 2);

/** Texts that often share a beginning: zeros, then a little that differs. */
const prompt = (blockSize: number) =>
  fc
    .tuple(length(blockSize, longest(blockSize)), fc.array(fc.integer({ min: 0, max: 1 }), { maxLength: 3 }))
    .map(([zeros, tail]) => [...new Array<number>(zeros).fill(0), ...tail]);

const arrival = (blockSize: number) =>
  fc
    .record({
      ids: prompt(blockSize),
      known: fc.constantFrom(
        'all' as const,
        'all' as const,
        'all' as const,
        'prompt' as const,
        'nothing' as const,
      ),
      maxTokens: fc.integer({ min: 1, max: Math.max(5, blockSize + 2) }),
      samples: fc.constantFrom({}, {}, {}, { n: 2 }, { n: 3 }, { beamWidth: 2 }, { beamWidth: 3 }),
      truth: fc.option(
        fc.array(fc.integer({ min: 1, max: 2 * blockSize + 2 }), { minLength: 1, maxLength: 3 }),
        {
          nil: undefined,
        },
      ),
      key: fc.constantFrom({}, {}, {}, { cacheSalt: 's' }, { loraId: 'l' }),
    })
    .map(({ ids, known, maxTokens, samples, truth, key }) => {
      // The length of a beam search is one number.
      const lengths = 'beamWidth' in samples ? truth?.slice(0, 1) : truth;
      const spec = { maxTokens, ...samples, ...key, ...(lengths && { truth: lengths }) };
      return new Do(
        `arrive(${JSON.stringify({ prompt: ids, known, ...spec })})`,
        world => world.waiting.length < 4,
        world => world.arrive(spec, ids, known),
      );
    });

const commands = (blockSize: number) => {
  const at = fc.nat(20);
  const count = fc.oneof(length(blockSize, 3), fc.constant(Number.POSITIVE_INFINITY));
  const luck = fc.infiniteStream(fc.nat(1000)).map(stream => () => stream.next().value);
  const isPlanned = (world: World, request: Request) =>
    world.planned.some(other => other.request === request);
  const arrive = arrival(blockSize);
  const round = luck.map(
    luck =>
      new Do(
        'round',
        world =>
          world.phase === 'running' &&
          world.planned.length === 0 &&
          world.running.length + world.waiting.length > 0,
        world => world.round(luck),
      ),
  );
  const grow = fc.tuple(at, count).map(
    ([at, count]) =>
      new Do(
        `grow(${at}, ${count})`,
        world =>
          world.phase === 'running' &&
          world.running.length > 0 &&
          !isPlanned(world, pick(world.running, at)!),
        world => world.grow(at, count),
      ),
  );
  const preempt = fc.tuple(at, fc.boolean()).map(
    ([at, swap]) =>
      new Do(
        `preempt(${at}, ${swap ? 'swap' : 'recompute'})`,
        world => world.phase === 'running' && world.running.length > 0,
        world => world.preempt(at, swap),
      ),
  );
  const enter = fc.tuple(at, count, fc.constantFrom(0, 0, 0, 1, 5), fc.constantFrom(0, 0, 0, 1, 3)).map(
    ([at, count, extra, headroom]) =>
      new Do(
        `enter(${at}, ${count}, +${extra}, ${headroom})`,
        world => world.mayEnter,
        world => world.enter(at, count, extra, headroom),
      ),
  );
  const execute = fc.constant(
    new Do(
      'execute',
      world => world.planned.length > 0 && world.phase !== 'ran',
      world => world.execute(),
    ),
  );
  const update = luck.map(
    luck =>
      new Do(
        'update',
        world => world.phase === 'ran',
        world => world.update(luck),
      ),
  );
  const abort = at.map(
    at =>
      new Do(
        `abort(${at})`,
        // Between decisions: before the first of a step, or while it runs.
        world =>
          world.running.length + world.waiting.length > 0 &&
          (world.planned.length === 0 || world.phase === 'ran'),
        world => world.abort(at),
      ),
  );
  // Each as often as it takes to get somewhere.
  const often = [arrive, arrive, round, round, round, round, grow, enter, execute, update];
  return fc.commands([...often, ...often, preempt, abort], { maxCommands: 100, size: 'max' });
};

const options = (blockSize: number): fc.Arbitrary<PagedOptions> =>
  fc.record(
    {
      numBlocks: fc.integer({ min: longest(blockSize) + 1, max: 4 * longest(blockSize) + 4 }),
      blockSize: fc.constant(blockSize),
      prefixCaching: fc.constantFrom(true, true, false),
      freeOrder: fc.constantFrom('lru' as const, 'uncached-first' as const),
      claim: fc.constantFrom('demand' as const, 'demand' as const, 'demand' as const, 'max' as const),
      slidingWindow: fc.integer({ min: 1, max: 4 * blockSize }),
      hostBlocks: fc.integer({ min: 0, max: 10 }),
      hash: fc.constantFrom(
        () => 0,
        (parent: number, tokens: Int32Array) => (parent + tokens[0]!) & 3,
      ),
    },
    { requiredKeys: ['numBlocks', 'blockSize', 'prefixCaching'] },
  );

test.each([1, 2, 3, 16])(
  'invariants 1–3, 5–9, 11–14: paged memory with blocks of %d does what the naive model does, and no slot is ever foreign',
  blockSize => {
    fc.assert(
      fc.property(options(blockSize), fc.boolean(), commands(blockSize), (options, together, commands) => {
        const world = new World(options, together);
        fc.modelRun(() => ({ model: world, real: world.memory }), commands);
        world.drain();
      }),
      { numRuns: 120 },
    );
  },
);

const demandOf = (tokens: number) => ({ tokens, headroom: 0 });

/** Lets a request in with all that it has, as the scheduler does, and computes it. */
function enter(memory: PagedKvMemory, request: Request): number {
  const hit = memory.lookup(request);
  expect(memory.admit(request, request.numTokens - hit, demandOf(request.numTokens))).toBeUndefined();
  request.numComputedTokens = hit;
  memory.advance(request, request.numTokens - hit);
  return hit;
}

function sample(request: Request, token: number): void {
  for (const seq of request.seqs) (seq.tokens as Text | undefined)?.ids.push(token);
  request.numOutputTokens++;
}

function decode(memory: PagedKvMemory, request: Request, token = 7): void {
  if (request.numComputedTokens === request.numTokens) sample(request, token);
  expect(memory.grow(request, 1)).toBeUndefined();
  memory.advance(request, 1);
}

test('invariant 10: what was freed first is evicted first, and within one request the tail before the head', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
      fc.constantFrom('lru' as const, 'uncached-first' as const),
      fc.infiniteStream(fc.nat(100)),
      (blockSize, lengths, freeOrder, luck) => {
        const numBlocks = lengths.reduce((a, b) => a + b);
        const evicted: number[] = [];
        const memory = new PagedKvMemory({ numBlocks, blockSize, prefixCaching: true, freeOrder });
        memory.observer = {
          allocated() {},
          cacheHit() {},
          copied() {},
          evicted: block => evicted.push(block),
        };
        const running = lengths.map((length, i) => makeRequest(counting(100 * i, length * blockSize)));
        for (const request of running) enter(memory, request);
        const expected: number[] = [];
        while (running.length > 0) {
          const [request] = running.splice(luck.next().value % running.length, 1);
          expected.push(...memory.table(request!.seqs[0]!).toReversed());
          memory.free(request!);
        }
        enter(memory, makeRequest(counting(10_000, numBlocks * blockSize)));
        expect(evicted).toEqual(expected);
      },
    ),
    { numRuns: 200 },
  );
});

test('invariant 8: a fresh request freed leaves its blocks in reverse order of its table, whatever is known of it', () => {
  const known = fc.boolean();
  const freeOrder = fc.constantFrom('lru' as const, 'uncached-first' as const);
  fc.assert(
    fc.property(
      known,
      fc.boolean(),
      freeOrder,
      fc.integer({ min: 1, max: 20 }),
      (known, prefixCaching, freeOrder, prompt) => {
        const memory = new PagedKvMemory({ numBlocks: 8, blockSize: 3, prefixCaching, freeOrder });
        const request = makeRequest(known ? counting(0, prompt) : prompt);
        enter(memory, request);
        const table = [...memory.table(request.seqs[0]!)];
        memory.free(request);
        expect(memory.freeBlocks).toBe(8);
        const list = [...memory.pool.freeList()];
        const full = (block: number) => memory.cache?.nodeOf(block) !== undefined;
        for (const kind of [true, false]) {
          const own = table.filter(block => full(block) === kind);
          expect(list.filter(block => own.includes(block))).toEqual(own.toReversed());
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('invariant 10: blocks that the window leaves behind go tail first as well', () => {
  const memory = new PagedKvMemory({ numBlocks: 8, blockSize: 2, prefixCaching: true, slidingWindow: 4 });
  const request = makeRequest(counting(0, 12));
  enter(memory, request);
  decode(memory, request);
  // 12 computed: the window begins at position 9, so blocks 0 to 3 are behind it.
  expect(memory.table(request.seqs[0]!)).toEqual([NULL_BLOCK, NULL_BLOCK, NULL_BLOCK, NULL_BLOCK, 4, 5, 6]);
  expect([...memory.pool.freeList()]).toEqual([7, 3, 2, 1, 0]);
});

test('without a prefix cache every freed block goes to the back, those behind the window too', () => {
  const memory = new PagedKvMemory({ numBlocks: 4, blockSize: 2, slidingWindow: 2 });
  const request = makeRequest(2);
  enter(memory, request);
  for (let i = 0; i < 2; i++) decode(memory, request);
  // 3 computed at the last growth: block 0 is behind the window.
  expect([...memory.pool.freeList()]).toEqual([2, 3, 0]);
});

test('invariant 6: a window no longer than a block does not put a text below the prefix of another', () => {
  const memory = new PagedKvMemory({ numBlocks: 3, blockSize: 1, prefixCaching: true, slidingWindow: 1 });
  const [request, other] = [makeRequest([5]), makeRequest(2)];
  enter(memory, request);
  enter(memory, other);
  // Its only block falls behind the window, is evicted to take the next token, and registered again as [5, 7].
  decode(memory, request, 7);
  memory.free(other);
  enter(memory, makeRequest([9]));
  expect(memory.lookup(makeRequest([7, 1]))).toBe(0);
  expect(memory.lookup(makeRequest([9, 7, 1]))).toBe(1);
  memory.checkIntegrity();
});

test('invariant 6: after a swap the blocks behind those that the window took are found by their whole prefix only', () => {
  const options = { blockSize: 2, prefixCaching: true, slidingWindow: 2, hostBlocks: 4 };
  const memory = new PagedKvMemory({ ...options, numBlocks: 4 });
  const request = makeRequest([1, 1, 2, 2], { maxTokens: 8 });
  enter(memory, request);
  decode(memory, request, 7);
  sample(request, 8);
  expect(memory.table(request.seqs[0]!)).toEqual([NULL_BLOCK, 1, 2]);
  expect(memory.swapOut(request)).toBe(2);
  // All that it had cached is evicted by another in the meantime.
  const other = makeRequest(8);
  enter(memory, other);
  memory.free(other);
  expect(memory.swapIn(request)).toEqual({ blocks: 2 });
  expect(memory.grow(request, 1)).toBeUndefined();
  memory.advance(request, 1);
  // Its third block holds [7, 8] behind [1, 1, 2, 2]; a prompt that begins with [7, 8] is another text.
  expect(memory.lookup(makeRequest([7, 8, 3]))).toBe(0);
  memory.checkIntegrity();
});

test('invariant 24: whoever fits alone also comes back from the host when all memory is free', () => {
  fc.assert(
    fc.property(
      fc.record({
        blockSize: fc.constantFrom(1, 2, 4),
        numBlocks: fc.integer({ min: 1, max: 12 }),
        width: fc.integer({ min: 1, max: 3 }),
        prompt: fc.integer({ min: 1, max: 10 }),
        maxTokens: fc.integer({ min: 2, max: 10 }),
        outputs: fc.nat(8),
      }),
      ({ blockSize, numBlocks, width, prompt, maxTokens, outputs }) => {
        const memory = new PagedKvMemory({ numBlocks, blockSize, hostBlocks: numBlocks });
        const request = makeRequest(prompt, { maxTokens, n: width });
        fc.pre(outputs <= maxTokens - 2 && memory.fits(request, prompt + maxTokens) === undefined);
        enter(memory, request);
        widen(request);
        for (const seq of request.seqs.slice(1)) memory.fork(request, request.seqs[0]!, seq);
        request.numOutputTokens++;
        for (let i = 0; i < outputs; i++) decode(memory, Object.assign(request, { numOutputTokens: i + 2 }));
        memory.takeCopies();
        const moved = memory.swapOut(request);
        expect(moved).toBeGreaterThan(0);
        expect(memory.freeBlocks).toBe(numBlocks);
        expect(memory.swapIn(request)).toEqual({ blocks: moved });
        expect(memory.grow(request, 1)).toBeUndefined();
      },
    ),
    { numRuns: 500 },
  );
});

test('a swapped request that is aborted gives its room in host memory back', () => {
  const memory = new PagedKvMemory({ numBlocks: 8, blockSize: 2, hostBlocks: 2 });
  for (let i = 0; i < 3; i++) {
    const request = makeRequest(3);
    enter(memory, request);
    sample(request, 0);
    expect(memory.swapOut(request)).toBe(2);
    const other = makeRequest(1);
    enter(memory, other);
    sample(other, 0);
    expect(memory.swapOut(other)).toBeUndefined();
    memory.free(other);
    memory.dropSwapped(request);
    expect(memory.table(request.seqs[0]!)).toEqual([]);
  }
  memory.checkIntegrity();
});

test('invariant 14: a list of copies that was handed out does not change any more', () => {
  const memory = new PagedKvMemory({ numBlocks: 8, blockSize: 4 });
  const request = makeRequest(3, { n: 2 });
  enter(memory, request);
  const first = memory.takeCopies();
  widen(request);
  memory.fork(request, request.seqs[0]!, request.seqs[1]!);
  decode(memory, request);
  expect(first).toEqual([]);
  const second = memory.takeCopies();
  expect(second).toHaveLength(1);
  expect(memory.takeCopies()).toEqual([]);
  expect(second).toHaveLength(1);
});

test('invariant 14: the pending copies of a request go with it', () => {
  const memory = new PagedKvMemory({ numBlocks: 8, blockSize: 4, hostBlocks: 8 });
  const [request, other] = [makeRequest(3, { n: 2 }), makeRequest(3, { n: 2 })];
  for (const each of [request, other]) {
    enter(memory, each);
    widen(each);
    memory.fork(each, each.seqs[0]!, each.seqs[1]!);
    each.numOutputTokens++;
    expect(memory.grow(each, 1)).toBeUndefined();
  }
  // What a copy has yet to fill cannot be moved to the host.
  expect(memory.swapOut(request)).toBeUndefined();
  memory.free(request);
  expect(memory.takeCopies().map(copy => copy.request)).toEqual([other]);
});

test('a beam search is as long as its first true length, however many lengths are given', () => {
  const memory = new PagedKvMemory({ numBlocks: 4, blockSize: 4 });
  const request = makeRequest(1, { beamWidth: 2, maxTokens: 10, truth: [6, 1] });
  enter(memory, request);
  widen(request);
  memory.fork(request, request.seqs[0]!, request.seqs[1]!);
  request.numOutputTokens++;
  for (let outputs = 2; outputs <= 6; outputs++) {
    decode(memory, request);
    request.numOutputTokens = outputs;
    memory.checkIntegrity();
    expectUsageHolds(memory);
  }
});
