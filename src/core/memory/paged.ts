import type { BlockPool } from '../block-pool.ts';
import { invariant } from '../invariant.ts';
import {
  type AdmissionDemand,
  type BlockCopy,
  type KvMemory,
  type MemoryObserver,
  type MemoryUsage,
  NULL_BLOCK,
  type Shortage,
} from '../kv-memory.ts';
import { type BlockHash, NO_NODE, PrefixCache } from '../prefix-cache.ts';
import type { Request, Sequence } from '../request.ts';
import type { BlockId, Tokens } from '../units.ts';
import { checkUsage } from './check-usage.ts';
import { type FreeOrder, KvBlocks } from './kv-blocks.ts';
import { checkPaged, classifyPaged, type PagedState } from './paged-audit.ts';

export interface PagedOptions {
  readonly numBlocks: number;
  readonly blockSize: Tokens;
  readonly prefixCaching?: boolean;
  /** Default `uncached-first`. */
  readonly freeOrder?: FreeOrder;
  /** Claim blocks step by step (`demand`), or for prompt + max_tokens at admission (`max`, as TGI 3). */
  readonly claim?: 'demand' | 'max';
  readonly slidingWindow?: Tokens;
  /** Host memory for swapped requests, in blocks (default 0: none). */
  readonly hostBlocks?: number;
  readonly hash?: BlockHash;
}

/**
 * PagedAttention's memory (vLLM paper §4): block tables over a pool of fixed-size blocks, claimed when
 * needed, shared by reference count, copied on write. Fork, append and free are the only primitives (§5.2).
 */
export class PagedKvMemory implements KvMemory {
  readonly kind = 'paged';
  readonly forks: boolean;
  readonly capacity: Tokens;
  readonly blockSize: Tokens;
  observer: MemoryObserver | undefined;
  unmet: Shortage | undefined;
  readonly #options: PagedOptions;
  readonly #blocks: KvBlocks;
  readonly #live = new Set<Request>();
  #copies: BlockCopy[] = [];
  /** What the last `lookup` found, and for whom. */
  #hits: readonly BlockId[][] = [];
  #hitsOf: Request | undefined;
  #unusedSlots = 0;
  #hostUsed = 0;

  constructor(options: PagedOptions) {
    this.#options = options;
    // Blocks claimed to the end are each sample's own from the start.
    this.forks = options.claim !== 'max';
    this.blockSize = options.blockSize;
    this.capacity = options.numBlocks * options.blockSize;
    const { numBlocks, blockSize, hash, freeOrder } = options;
    const cache = options.prefixCaching ? new PrefixCache(blockSize, numBlocks, hash) : undefined;
    const evicted = (block: BlockId) => this.observer?.evicted(block);
    this.#blocks = new KvBlocks(numBlocks, blockSize, cache, freeOrder, evicted);
  }

  get pool(): BlockPool {
    return this.#blocks.pool;
  }

  get cache(): PrefixCache | undefined {
    return this.#blocks.cache;
  }

  get trims(): boolean {
    return this.#options.slidingWindow !== undefined;
  }

  get caches(): boolean {
    return this.cache !== undefined;
  }

  get freeBlocks(): number {
    return this.pool.free;
  }

  #blocksFor(tokens: Tokens): number {
    return Math.ceil(tokens / this.blockSize);
  }

  fits(request: Request, maxTotal: Tokens): Shortage | undefined {
    // Samples may all be recomputed after a preemption, each with a table of its own.
    const needs = request.width * this.#blocksFor(maxTotal);
    return needs > this.pool.size ? { needs, free: this.pool.size } : undefined;
  }

  lookup(request: Request): Tokens {
    this.#hits = [];
    this.#hitsOf = request;
    if (!this.cache || !request.tokens) return 0;
    // At least one token must be computed to have something to sample from.
    let limit = Math.floor((request.numTokens - 1) / this.blockSize);
    const hits: BlockId[][] = [];
    for (const seq of request.seqs) {
      const found = seq.tokens ? this.cache.lookup(request.cacheKey, seq.tokens, limit) : [];
      limit = Math.min(limit, found.length);
      hits.push(found);
    }
    // Sequences advance together, so they all start from the shortest hit.
    for (const found of hits) found.length = limit;
    this.#hits = hits;
    return limit * this.blockSize;
  }

  admit(request: Request, chunk: Tokens, demand: AdmissionDemand): Shortage | undefined {
    invariant(!this.#live.has(request), () => `request ${request.id} is admitted already`);
    invariant(this.#hitsOf === request, () => `request ${request.id} was not looked up`);
    const { pool } = this;
    const hits = this.#hits;
    const hitBlocks = hits[0]?.length ?? 0;
    const total = this.#options.claim === 'max' ? request.promptTokens + request.maxTokens - 1 : 0;
    const claimed = this.#blocksFor(Math.max(hitBlocks * this.blockSize + chunk, total));
    const demanded = Math.max(claimed, this.#blocksFor(demand.tokens));
    // A hit that nobody holds comes off the free list as well.
    let freeHits = 0;
    const seen = new Set<BlockId>();
    for (const found of hits) {
      for (const block of found) {
        if (pool.refs[block] === 0 && !seen.has(block)) freeHits++;
        seen.add(block);
      }
    }
    const needs =
      request.seqs.length * (demanded - hitBlocks) + freeHits + Math.ceil(demand.headroom / this.blockSize);
    if (needs > pool.free) return { needs, free: pool.free };

    this.#live.add(request);
    for (const [i, seq] of request.seqs.entries()) {
      for (const block of hits[i] ?? []) {
        this.#blocks.share(block);
        seq.blocks.push(block);
        seq.node = this.cache!.nodeOf(block);
      }
      seq.registered = hitBlocks;
    }
    if (hitBlocks > 0) {
      for (const seq of request.seqs) this.observer?.cacheHit(request, seq, seq.blocks.slice());
    }
    for (const seq of request.seqs) {
      this.#extend(request, seq, claimed);
      this.#register(request, seq, hitBlocks * this.blockSize + chunk);
    }
    this.#hits = [];
    return undefined;
  }

  grow(request: Request, count: Tokens): Shortage | undefined {
    const { blockSize, pool } = this;
    const from = request.numComputedTokens;
    const length = Math.ceil((from + count) / blockSize);
    if (this.#options.slidingWindow !== undefined) this.#trim(request, this.#options.slidingWindow);
    if (request.width === 1) {
      // Never forked: its last block is its own, nothing to copy.
      const seq = request.seqs[0]!;
      const needs = length - seq.blocks.length;
      if (needs > pool.free) return { needs, free: pool.free };
      if (needs > 0) this.#extend(request, seq, length);
      if (this.cache) this.#register(request, seq, from + count);
      return undefined;
    }
    const tail = Math.floor(from / blockSize);
    let needs = 0;
    for (const seq of request.seqs) needs += Math.max(0, length - seq.blocks.length);
    if (from % blockSize !== 0) needs += this.#sharedTails(request, tail);
    if (needs > pool.free) return { needs, free: pool.free };
    for (const seq of request.seqs) {
      if (from % blockSize !== 0 && pool.refs[seq.blocks[tail]!]! > 1) this.#copyOnWrite(request, seq, tail);
      if (length > seq.blocks.length) this.#extend(request, seq, length);
      else this.#recountUnused(request, seq);
      this.#register(request, seq, from + count);
    }
    return undefined;
  }

  /** Blocks that copy-on-write of the partial block at `tail` will take: each sharer but the last one copies. */
  #sharedTails(request: Request, tail: number): number {
    const left = new Map<BlockId, number>();
    let copies = 0;
    for (const seq of request.seqs) {
      const block = seq.blocks[tail]!;
      const refs = left.get(block) ?? this.pool.refs[block]!;
      if (refs > 1) copies++;
      left.set(block, refs - 1);
    }
    return copies;
  }

  #copyOnWrite(request: Request, seq: Sequence, tail: number): void {
    const src = seq.blocks[tail]!;
    const dst = this.#blocks.take();
    this.#blocks.fill(dst, this.#blocks.filled[src]!);
    this.#blocks.release(src);
    seq.blocks[tail] = dst;
    const copy = { request, src, dst };
    this.#copies.push(copy);
    this.observer?.copied(copy);
    this.#recountUnused(request, seq);
  }

  advance(request: Request, count: Tokens): void {
    const { blockSize } = this;
    const from = request.numComputedTokens;
    for (let s = 0; s < request.seqs.length; s++) {
      const blocks = request.seqs[s]!.blocks;
      let position = from;
      const end = from + count;
      while (position < end) {
        const index = Math.floor(position / blockSize);
        const stop = Math.min(end, (index + 1) * blockSize);
        this.#blocks.fill(blocks[index]!, stop - index * blockSize);
        position = stop;
      }
    }
    request.numComputedTokens = from + count;
  }

  advanceTogether(count: number): void {
    this.#blocks.fillTogether(count);
  }

  settle(request: Request): void {
    const { blocks } = request.seqs[0]!;
    const { blockSize } = this;
    // All of them: a later block may be known to be full though an earlier one, a duplicate, is not.
    for (let i = Math.floor((request.numComputedTokens - 1) / blockSize); i >= 0; i--) {
      const block = blocks[i]!;
      if (this.#blocks.filled[block] === blockSize) continue;
      this.#blocks.settle(block, Math.min(blockSize, request.numComputedTokens - i * blockSize));
    }
  }

  fork(request: Request, from: Sequence, to: Sequence): void {
    for (const block of from.blocks) if (block !== NULL_BLOCK) this.#blocks.share(block);
    to.blocks = from.blocks.slice();
    to.trimmed = from.trimmed;
    to.registered = from.registered;
    to.node = from.node;
    this.#setUnused(to, 0);
    this.#recountUnused(request, from);
  }

  hold(request: Request, seq: Sequence): void {
    this.freeSequence(request, seq);
  }

  freeSequence(request: Request, seq: Sequence): void {
    this.#releaseTable(request, seq);
    // A tail that was shared may now be a sibling's alone.
    for (const sibling of request.seqs) if (sibling !== seq) this.#recountUnused(request, sibling);
  }

  #releaseTable(request: Request, seq: Sequence): void {
    const { pool, cache } = this;
    const computed = Math.floor(request.numComputedTokens / this.blockSize);
    for (let i = seq.blocks.length - 1; cache && i >= computed; i--) {
      // Registered when its step was planned, but the step will not run.
      if (pool.refs[seq.blocks[i]!] === 1) cache.forget(seq.blocks[i]!);
    }
    this.#blocks.releaseRange(seq.blocks, seq.trimmed, seq.blocks.length);
    seq.blocks = [];
    seq.registered = 0;
    seq.trimmed = 0;
    seq.node = NO_NODE;
    this.#setUnused(seq, 0);
  }

  free(request: Request): void {
    if (!this.#live.delete(request)) return;
    for (const seq of request.seqs) this.#releaseTable(request, seq);
    if (this.#copies.length > 0) this.#copies = this.#copies.filter(copy => copy.request !== request);
  }

  forget(): void {
    invariant(this.pool.used === 0, () => 'memory is lost while requests hold it');
    this.#blocks.forget();
  }

  takeCopies(): BlockCopy[] {
    const copies = this.#copies;
    this.#copies = [];
    return copies;
  }

  swapOut(request: Request): number | undefined {
    // A copy this request still waits for has not run: there is nothing whole to move.
    if (this.#copies.some(copy => copy.request === request)) return undefined;
    const computed = this.#blocksFor(request.numComputedTokens);
    const tables = request.seqs.map(seq => ({ blocks: seq.blocks.slice(0, computed), trimmed: seq.trimmed }));
    const unique = new Set(tables.flatMap(table => table.blocks.filter(block => block !== NULL_BLOCK)));
    if (this.#hostUsed + unique.size > (this.#options.hostBlocks ?? 0)) return undefined;
    this.#hostUsed += unique.size;
    this.free(request);
    // The old ids keep the shape of the sharing until the blocks come back.
    for (const [i, seq] of request.seqs.entries()) Object.assign(seq, tables[i]);
    return unique.size;
  }

  swapIn(request: Request): { blocks: number } | Shortage {
    const old = new Set<BlockId>();
    for (const seq of request.seqs) for (const block of seq.blocks) if (block !== NULL_BLOCK) old.add(block);
    // Only what can then append a token comes back.
    const needs = old.size + this.#blocksToAppend(request);
    if (needs > this.pool.free) return { needs, free: this.pool.free };
    const moved = new Map<BlockId, BlockId>();
    for (const seq of request.seqs) {
      for (const [i, block] of seq.blocks.entries()) {
        if (block === NULL_BLOCK) continue;
        const known = moved.get(block);
        if (known !== undefined) this.#blocks.share(known);
        else moved.set(block, this.#blocks.take());
        const now = moved.get(block)!;
        seq.blocks[i] = now;
        this.#blocks.fill(now, Math.min(this.blockSize, request.numComputedTokens - i * this.blockSize));
      }
    }
    for (const seq of request.seqs) {
      this.#recountUnused(request, seq);
      this.observer?.allocated(request, seq, seq.blocks.slice(seq.trimmed));
    }
    this.#hostUsed -= old.size;
    this.#live.add(request);
    return { blocks: old.size };
  }

  /** Blocks that one more token of each swapped sequence takes: new ones, and copies of shared tails. */
  #blocksToAppend(request: Request): number {
    const length = this.#blocksFor(request.numComputedTokens + 1);
    const tails = new Set<BlockId>();
    let needs = 0;
    for (const { blocks } of request.seqs) {
      if (blocks.length < length) needs++;
      else tails.add(blocks[length - 1]!);
    }
    return tails.size === 0 ? needs : needs + request.seqs.length - tails.size;
  }

  dropSwapped(request: Request): void {
    this.#hostUsed -= new Set(
      request.seqs.flatMap(seq => seq.blocks.filter(block => block !== NULL_BLOCK)),
    ).size;
    for (const seq of request.seqs) seq.blocks = [];
  }

  table(seq: Sequence): readonly BlockId[] {
    return seq.blocks;
  }

  usage(): MemoryUsage {
    const { tokenSlots, cachedSlots } = this.#blocks;
    const claimed = this.pool.used * this.blockSize;
    return {
      token: tokenSlots,
      reserved: claimed - tokenSlots - this.#unusedSlots,
      internal: this.#unusedSlots,
      external: 0,
      cached: cachedSlots,
      free: this.capacity - claimed - cachedSlots,
    };
  }

  #extend(request: Request, seq: Sequence, length: number): void {
    const from = seq.blocks.length;
    while (seq.blocks.length < length) seq.blocks.push(this.#blocks.take());
    this.#recountUnused(request, seq);
    this.observer?.allocated(request, seq, seq.blocks.slice(from));
  }

  /** Makes the blocks that `computed` tokens fill findable. vLLM does so when it schedules, before the GPU ran. */
  #register(request: Request, seq: Sequence, computed: Tokens): void {
    if (!this.cache || !seq.tokens) return;
    // A token that is still under way cannot be looked for: its block follows with the next.
    const full = Math.floor(Math.min(computed, seq.tokens.length ?? computed) / this.blockSize);
    for (let i = seq.registered; i < full; i++) {
      const block = seq.blocks[i]!;
      // Behind the window nothing is left to register; what follows finds its place by the text.
      if (block === NULL_BLOCK) seq.node = NO_NODE;
      else if (this.#blocks.isCached(block)) seq.node = this.cache.nodeOf(block);
      else seq.node = this.cache.register(block, seq.node, request.cacheKey, seq.tokens, i);
      seq.registered = i + 1;
    }
  }

  /** Blocks wholly behind the window will never be read again. */
  #trim(request: Request, window: Tokens): void {
    const behind = Math.floor(Math.max(0, request.numComputedTokens - window + 1) / this.blockSize);
    for (const seq of request.seqs) {
      const keep = Math.min(behind, seq.blocks.length);
      if (keep <= seq.trimmed) continue;
      this.#blocks.releaseRange(seq.blocks, seq.trimmed, keep);
      seq.blocks.fill(NULL_BLOCK, seq.trimmed, keep);
      seq.trimmed = keep;
      // Its last registered block may now be evicted, and its node given to another text.
      if (keep >= seq.registered) seq.node = NO_NODE;
    }
  }

  /** Slots at the end of the table that lie beyond the sequence's last token. A shared tail is the copier's to count. */
  #recountUnused(request: Request, seq: Sequence): void {
    const last = seq.blocks.at(-1);
    const shared = last === undefined || last === NULL_BLOCK || this.pool.refs[last]! > 1;
    const final = Math.max(request.finalSlots(seq), request.numComputedTokens);
    this.#setUnused(seq, shared ? 0 : Math.max(0, seq.blocks.length * this.blockSize - final));
  }

  #setUnused(seq: Sequence, unused: Tokens): void {
    this.#unusedSlots += unused - seq.unused;
    seq.unused = unused;
  }

  classify(): Uint8Array {
    // What decodes together is placed now, as far as it has come.
    for (const request of this.#live) if (request.clock) this.settle(request);
    return classifyPaged(this.#state);
  }

  checkIntegrity(): void {
    checkPaged(this.#state);
    checkUsage(this.usage(), this.capacity);
  }

  get #state(): PagedState {
    const { pool, cache, blockSize, filled } = this.#blocks;
    return { pool, cache, blockSize, filled, live: this.#live };
  }
}
