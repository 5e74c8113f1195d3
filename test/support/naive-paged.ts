import { type AdmissionDemand, NULL_BLOCK, type Shortage } from '../../src/core/kv-memory.ts';
import type { PagedOptions } from '../../src/core/memory/paged.ts';
import type { Request, Sequence } from '../../src/core/request.ts';

/**
 * What `PagedKvMemory` must do, said in the plainest way: arrays that are copied, texts as strings, no
 * counters kept. From vLLM's rules (`allocate_slots`, `free`, the free list); it reads of a request only what
 * the scheduler writes there.
 */
export class NaivePaged {
  free: number[];
  readonly refs: number[];
  readonly tables = new Map<Sequence, number[]>();
  /** The whole prefix, key included, that a block holds; in the order in which blocks were registered. */
  readonly cached = new Map<number, string>();
  readonly evicted: number[] = [];
  copies: { request: Request; src: number; dst: number }[] = [];
  hostUsed = 0;
  readonly #options: PagedOptions;

  constructor(options: PagedOptions) {
    this.#options = options;
    this.free = Array.from({ length: options.numBlocks }, (_, i) => i);
    this.refs = this.free.map(() => 0);
  }

  table(seq: Sequence): number[] {
    return this.tables.get(seq) ?? [];
  }

  /** Blocks of the longest cached prefix, from the start without a hole; of equal ones the first to be registered. */
  chain(key: string, ids: readonly number[], limit: number): number[] {
    const { blockSize } = this.#options;
    const found: number[] = [];
    while (found.length < Math.min(limit, Math.floor(ids.length / blockSize))) {
      const text = JSON.stringify([key, ids.slice(0, (found.length + 1) * blockSize)]);
      const block = [...this.cached].find(([, other]) => other === text)?.[0];
      if (block === undefined) break;
      found.push(block);
    }
    return found;
  }

  /** Those of each sequence, all as long as the shortest; the last token is left to be computed. */
  hits(request: Request): number[][] {
    const { blockSize, prefixCaching } = this.#options;
    const limit = Math.floor((request.numTokens - 1) / blockSize);
    const hits = request.seqs.map(seq => {
      if (!prefixCaching || !seq.tokens) return [];
      return this.chain(request.cacheKey, idsOf(seq, limit * blockSize), limit);
    });
    const length = Math.min(...hits.map(found => found.length));
    return hits.map(found => found.slice(0, length));
  }

  admit(request: Request, chunk: number, demand: AdmissionDemand): Shortage | undefined {
    const { blockSize, claim } = this.#options;
    const hits = this.hits(request);
    const hit = hits[0]!.length;
    const total = claim === 'max' ? request.promptTokens + request.maxTokens - 1 : 0;
    const claimed = Math.ceil(Math.max(hit * blockSize + chunk, total) / blockSize);
    const demanded = Math.max(claimed, Math.ceil(demand.tokens / blockSize));
    const idleHits = new Set(hits.flat().filter(block => this.refs[block] === 0)).size;
    const needs = request.seqs.length * (demanded - hit) + idleHits + Math.ceil(demand.headroom / blockSize);
    if (needs > this.free.length) return { needs, free: this.free.length };
    for (const block of hits.flat()) {
      this.free = this.free.filter(other => other !== block);
      this.refs[block]!++;
    }
    for (const [i, seq] of request.seqs.entries()) {
      this.tables.set(seq, hits[i]!);
      this.#extend(seq, claimed);
      this.#register(request, seq, hit * blockSize + chunk);
    }
    return undefined;
  }

  grow(request: Request, count: number): Shortage | undefined {
    const { blockSize } = this.#options;
    this.#trim(request);
    const from = request.numComputedTokens;
    const length = Math.ceil((from + count) / blockSize);
    const written = Math.floor(from / blockSize);
    const mustCopy = (seq: Sequence) => from % blockSize !== 0 && this.refs[this.table(seq)[written]!]! > 1;
    // A dry run: who copies first leaves one sharer less.
    const before = { free: this.free.slice(), refs: this.refs.slice() };
    let needs = 0;
    for (const seq of request.seqs) {
      needs += Math.max(0, length - this.table(seq).length);
      if (!mustCopy(seq)) continue;
      needs++;
      this.refs[this.table(seq)[written]!]!--;
    }
    for (const [block, refs] of before.refs.entries()) this.refs[block] = refs;
    if (needs > this.free.length) return { needs, free: this.free.length };
    for (const seq of request.seqs) {
      if (mustCopy(seq)) {
        const src = this.table(seq)[written]!;
        const dst = this.#take();
        this.refs[src]!--;
        this.tables.set(seq, this.table(seq).with(written, dst));
        this.copies.push({ request, src, dst });
      }
      this.#extend(seq, length);
      this.#register(request, seq, from + count);
    }
    return undefined;
  }

  fork(from: Sequence, to: Sequence): void {
    for (const block of this.table(from)) if (block !== NULL_BLOCK) this.refs[block]!++;
    this.tables.set(to, this.table(from).slice());
  }

  freeSequence(request: Request, seq: Sequence): void {
    const computed = Math.floor(request.numComputedTokens / this.#options.blockSize);
    const table = this.table(seq);
    this.tables.delete(seq);
    for (const [i, block] of table.entries()) {
      // Its step was planned and will not run: what it was registered for never gets there.
      if (block !== NULL_BLOCK && i >= computed && this.refs[block] === 1) this.cached.delete(block);
    }
    this.#release(table);
  }

  freeRequest(request: Request): void {
    for (const seq of request.seqs) this.freeSequence(request, seq);
    this.copies = this.copies.filter(copy => copy.request !== request);
  }

  /** Moves what is computed; nothing if the host is full or a copy is still to be made. */
  swapOut(request: Request): number | undefined {
    const { blockSize, hostBlocks = 0 } = this.#options;
    const computed = Math.ceil(request.numComputedTokens / blockSize);
    const kept = request.seqs.map(seq => this.table(seq).slice(0, computed));
    const moved = new Set(kept.flat().filter(block => block !== NULL_BLOCK)).size;
    if (this.copies.some(copy => copy.request === request) || this.hostUsed + moved > hostBlocks)
      return undefined;
    this.freeRequest(request);
    this.hostUsed += moved;
    for (const [i, seq] of request.seqs.entries()) this.tables.set(seq, kept[i]!);
    return moved;
  }

  /** The caller has seen that it worked. Blocks that were shared are shared again. */
  swapIn(request: Request): number {
    const moved = new Map<number, number>();
    for (const seq of request.seqs) {
      const table = this.table(seq).map(old => {
        if (old === NULL_BLOCK) return old;
        const known = moved.get(old);
        if (known !== undefined) {
          this.refs[known]!++;
          return known;
        }
        const block = this.#take();
        moved.set(old, block);
        return block;
      });
      this.tables.set(seq, table);
    }
    this.hostUsed -= moved.size;
    return moved.size;
  }

  dropSwapped(request: Request): void {
    this.hostUsed -= new Set(
      request.seqs.flatMap(seq => this.table(seq)).filter(block => block !== NULL_BLOCK),
    ).size;
    for (const seq of request.seqs) this.tables.delete(seq);
  }

  #take(): number {
    const block = this.free.shift()!;
    if (this.cached.delete(block)) this.evicted.push(block);
    this.refs[block] = 1;
    return block;
  }

  #extend(seq: Sequence, length: number): void {
    const table = this.table(seq).slice();
    while (table.length < length) table.push(this.#take());
    this.tables.set(seq, table);
  }

  #register(request: Request, seq: Sequence, computed: number): void {
    const { blockSize, prefixCaching } = this.#options;
    if (!prefixCaching || !seq.tokens) return;
    for (const [i, block] of this.table(seq).entries()) {
      if ((i + 1) * blockSize > computed || block === NULL_BLOCK || this.cached.has(block)) continue;
      this.cached.set(block, textOf(request, seq, (i + 1) * blockSize));
    }
  }

  /** A block goes when no token still to come looks back as far as its last slot. */
  #trim(request: Request): void {
    const { blockSize, slidingWindow } = this.#options;
    if (slidingWindow === undefined) return;
    for (const seq of request.seqs) {
      const gone: number[] = [];
      const table = this.table(seq).map((block, i) => {
        if (block === NULL_BLOCK || (i + 1) * blockSize - 1 > request.numComputedTokens - slidingWindow)
          return block;
        gone.push(block);
        return NULL_BLOCK;
      });
      this.tables.set(seq, table);
      this.#release(gone);
    }
  }

  /** Tail first; those without a cached prefix before all others where that is the rule. */
  #release(blocks: readonly number[]): void {
    const { prefixCaching, freeOrder = 'uncached-first' } = this.#options;
    const idle = blocks.toReversed().filter(block => block !== NULL_BLOCK && --this.refs[block]! === 0);
    const first =
      prefixCaching && freeOrder === 'uncached-first' ? idle.filter(block => !this.cached.has(block)) : [];
    this.free = [...first, ...this.free, ...idle.filter(block => !first.includes(block))];
  }
}

function idsOf(seq: Sequence, count: number): number[] {
  return Array.from({ length: count }, (_, position) => seq.tokens!.at(position));
}

/** Key and first `count` tokens of a sequence, as one string. */
function textOf(request: Request, seq: Sequence, count: number): string {
  return JSON.stringify([request.cacheKey, idsOf(seq, count)]);
}
