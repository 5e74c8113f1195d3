import { invariant } from '../invariant.ts';
import {
  type AdmissionDemand,
  type KvMemory,
  type MemoryObserver,
  type MemoryUsage,
  type Shortage,
  type SlotKind,
  slotKinds,
} from '../kv-memory.ts';
import type { Request, Sequence } from '../request.ts';
import type { BlockId, Tokens } from '../units.ts';
import { BuddyAllocator } from './buddy-allocator.ts';
import { checkUsage } from './check-usage.ts';
import { FirstFitAllocator } from './first-fit-allocator.ts';
import type { RangeAllocator } from './range-allocator.ts';

export interface ContiguousOptions {
  readonly numBlocks: number;
  /** Granularity: reservations are whole blocks, so that a table of consecutive ids describes them. */
  readonly blockSize: Tokens;
  /**
   * Slots reserved for a sequence at admission (vLLM paper §6.1): the longest the server allows (`max`),
   * prompt plus the next power of two of the true output (`pow2`), or its true length (`oracle`).
   */
  readonly reserve: 'max' | 'pow2' | 'oracle';
  readonly allocator: 'buddy' | 'first-fit';
  /** What `max` reserves, in tokens. */
  readonly maxModelLen: Tokens;
}

interface Reservation {
  readonly start: number;
  /** Blocks the allocator took, round-up included. */
  readonly blocks: number;
  /** Slots asked for. */
  readonly asked: Tokens;
  readonly request: Request;
  /** Ended, but held by its batch. */
  dead: boolean;
  /** Its blocks one after the other; made when first asked for. */
  table: readonly BlockId[] | undefined;
}

/** KV of a sequence in one run of memory, reserved whole when it enters, as before PagedAttention. */
export class ContiguousKvMemory implements KvMemory {
  readonly kind = 'contiguous';
  readonly forks = false;
  readonly trims = false;
  readonly caches = false;
  readonly capacity: Tokens;
  readonly blockSize: Tokens;
  observer: MemoryObserver | undefined;
  unmet: Shortage | undefined;
  readonly allocator: RangeAllocator;
  readonly #options: ContiguousOptions;
  readonly #held = new Map<Sequence, Reservation>();
  #token = 0;
  #asked = 0;
  #taken = 0;
  #internal = 0;

  constructor(options: ContiguousOptions) {
    this.#options = options;
    this.blockSize = options.blockSize;
    this.capacity = options.numBlocks * options.blockSize;
    this.allocator = createAllocator(options);
  }

  get freeBlocks(): number {
    return (this.capacity - this.#taken) / this.blockSize;
  }

  #reservation(request: Request, seq: Sequence): Tokens {
    const { reserve, maxModelLen } = this.#options;
    const outputs = request.finalOutputs(seq);
    switch (reserve) {
      case 'max':
        return maxModelLen;
      case 'pow2':
        return Math.min(maxModelLen, request.promptTokens + 2 ** Math.ceil(Math.log2(outputs)));
      case 'oracle':
        return request.promptTokens + outputs;
      default:
        return reserve satisfies never;
    }
  }

  fits(request: Request, _maxTotal: Tokens): Shortage | undefined {
    const lengths = request.seqs.map(seq => Math.ceil(this.#reservation(request, seq) / this.blockSize));
    const empty = createAllocator(this.#options);
    if (lengths.every(length => empty.allocate(length) !== undefined)) return undefined;
    return { needs: this.#needs(request), free: empty.size };
  }

  /** Blocks that all its sequences take, round-up included. */
  #needs(request: Request): number {
    const blocks = (seq: Sequence) => Math.ceil(this.#reservation(request, seq) / this.blockSize);
    return request.seqs.reduce((sum, seq) => sum + this.allocator.rounded(blocks(seq)), 0);
  }

  lookup(): Tokens {
    return 0;
  }

  admit(request: Request, _chunk: Tokens, _demand: AdmissionDemand): Shortage | undefined {
    const starts: number[] = [];
    for (const seq of request.seqs) {
      invariant(!this.#held.has(seq), () => `request ${request.id} is admitted already`);
      const asked = this.#reservation(request, seq);
      const length = Math.ceil(asked / this.blockSize);
      const run = this.allocator.allocate(length);
      if (!run) {
        for (const start of starts) this.allocator.free(start);
        for (const sibling of request.seqs) this.#held.delete(sibling);
        return { needs: this.#needs(request), free: this.freeBlocks };
      }
      starts.push(run.start);
      this.#held.set(seq, {
        request,
        start: run.start,
        blocks: run.length,
        asked,
        dead: false,
        table: undefined,
      });
    }
    for (const seq of request.seqs) {
      const held = this.#held.get(seq)!;
      seq.unused = Math.max(0, held.asked - request.finalSlots(seq));
      this.#asked += held.asked;
      this.#taken += held.blocks * this.blockSize;
      this.#internal += seq.unused;
      this.observer?.allocated(request, seq, this.table(seq));
    }
    return undefined;
  }

  grow(request: Request, count: Tokens): Shortage | undefined {
    for (const seq of request.seqs) {
      const held = this.#held.get(seq);
      invariant(
        held && request.numComputedTokens + count <= held.asked,
        () => `request ${request.id} outgrew its reservation of ${held?.asked} slots`,
      );
    }
    return undefined;
  }

  advance(request: Request, count: Tokens): void {
    this.#token += count * request.seqs.length;
    request.numComputedTokens += count;
  }

  advanceTogether(count: number): void {
    this.#token += count;
  }

  settle(): void {
    // Tokens are counted, not placed.
  }

  fork(): void {
    // Each beam writes over its own reservation; the executor copies the parent's KV.
  }

  hold(request: Request, seq: Sequence): void {
    const held = this.#held.get(seq)!;
    held.dead = true;
    this.#token -= request.numComputedTokens;
    this.#internal += held.asked - seq.unused;
    seq.unused = held.asked;
  }

  freeSequence(request: Request, seq: Sequence): void {
    const held = this.#held.get(seq);
    if (!held) return;
    this.#held.delete(seq);
    this.allocator.free(held.start);
    this.#asked -= held.asked;
    this.#taken -= held.blocks * this.blockSize;
    this.#internal -= seq.unused;
    if (!held.dead) this.#token -= request.numComputedTokens;
    seq.unused = 0;
  }

  free(request: Request): void {
    for (const seq of [...request.seqs, ...request.done]) this.freeSequence(request, seq);
  }

  table(seq: Sequence): readonly BlockId[] {
    const held = this.#held.get(seq);
    if (!held) return [];
    return (held.table ??= Array.from({ length: held.blocks }, (_, i) => held.start + i));
  }

  usage(): MemoryUsage {
    const left = this.capacity - this.#taken;
    return {
      token: this.#token,
      reserved: this.#asked - this.#internal - this.#token,
      internal: this.#internal,
      // While a request waits for memory, what is free cannot be given out: it is fragmentation.
      external: this.#taken - this.#asked + (this.unmet ? left : 0),
      cached: 0,
      free: this.unmet ? 0 : left,
    };
  }

  classify(): Uint8Array {
    const kind = (name: SlotKind) => slotKinds.indexOf(name);
    const slots = new Uint8Array(this.capacity).fill(kind(this.unmet ? 'external' : 'free'));
    for (const [seq, { request, start, blocks, asked, dead }] of this.#held) {
      const at = start * this.blockSize;
      slots.fill(kind('external'), at, at + blocks * this.blockSize);
      slots.fill(kind('internal'), at, at + asked);
      slots.fill(kind('reserved'), at, at + asked - seq.unused);
      if (!dead) slots.fill(kind('token'), at, at + request.numComputedTokens);
    }
    return slots;
  }

  checkIntegrity(): void {
    this.allocator.checkIntegrity();
    checkUsage(this.usage(), this.capacity);
  }
}

function createAllocator({ allocator, numBlocks }: ContiguousOptions): RangeAllocator {
  return allocator === 'buddy' ? new BuddyAllocator(numBlocks) : new FirstFitAllocator(numBlocks);
}
