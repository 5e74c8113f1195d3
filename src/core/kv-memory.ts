import type { Request, Sequence } from './request.ts';
import type { BlockId, Tokens } from './units.ts';

/** Stands in a block table where the sliding window has passed: no memory behind it. */
export const NULL_BLOCK: BlockId = -1;

/**
 * What a KV slot is, at any moment exactly one of (vLLM paper, Fig. 2):
 * `token` holds KV of a live token · `reserved` will be used by its request · `internal` was given to a
 * request that will never use it · `external` cannot be given out (allocator round-up included) ·
 * `cached` is free but still holds a reusable prefix · `free`.
 */
export const slotKinds = ['token', 'reserved', 'internal', 'external', 'cached', 'free'] as const;
export type SlotKind = (typeof slotKinds)[number];

/** Slots of each kind; they sum to the capacity. */
export type MemoryUsage = Record<SlotKind, Tokens>;

/** Why memory could not be had, in blocks of the memory's own size. */
export interface Shortage {
  readonly needs: number;
  readonly free: number;
}

/** Copy-on-write: the executor copies the KV of `src` to `dst` before the step runs. */
export interface BlockCopy {
  readonly request: Request;
  readonly src: BlockId;
  readonly dst: BlockId;
}

/** Rare happenings inside the memory, for the event stream. Absent: nobody listens, nothing is built. */
export interface MemoryObserver {
  allocated(request: Request, seq: Sequence, blocks: readonly BlockId[]): void;
  cacheHit(request: Request, seq: Sequence, blocks: readonly BlockId[]): void;
  evicted(block: BlockId): void;
  copied(copy: BlockCopy): void;
}

/** What `admit` must guarantee beyond the chunk that runs now. */
export interface AdmissionDemand {
  /** Tokens of the request that must fit now, computed and cached ones included (≥ hit + chunk). */
  readonly tokens: Tokens;
  /** Slots that must remain free afterwards (watermark, estimated growth of the others). */
  readonly headroom: Tokens;
}

/**
 * Where KV lives. Three ways to claim it (paged on demand, contiguous reservation, padded tensor), one
 * contract. Running out is a value: a `Shortage`, with no side effect at all (sliding-window trimming excepted).
 */
export interface KvMemory {
  readonly kind: 'paged' | 'contiguous' | 'padded';
  /** Slots in all: the figure that `usage()` sums to. */
  readonly capacity: Tokens;
  readonly blockSize: Tokens;
  /** Whether samples of one prompt can share it by fork and copy-on-write; otherwise each has its own row from the start. */
  readonly forks: boolean;
  /** Whether tables lose blocks behind a sliding window, and whether filled blocks become findable. */
  readonly trims: boolean;
  readonly caches: boolean;
  /** Blocks that can be handed out now, cached ones included. */
  readonly freeBlocks: number;
  observer: MemoryObserver | undefined;
  /** The head of the queue waits for this much memory; undefined when nobody does. Decides what is `external`. */
  unmet: Shortage | undefined;

  /** Whether the request could ever run to its end, alone, with everything free; if not, what it would need. */
  fits(request: Request, maxTotal: Tokens): Shortage | undefined;
  /** Tokens of the request found in the prefix cache, at most `numTokens − 1`. Follow it with `admit`. */
  lookup(request: Request): Tokens;
  /** Claims the looked-up prefix and room for the next `chunk` tokens of a request that holds nothing. */
  admit(request: Request, chunk: Tokens, demand: AdmissionDemand): Shortage | undefined;
  /** Claims room for `count` more tokens of each live sequence, from `numComputedTokens` on. */
  grow(request: Request, count: Tokens): Shortage | undefined;
  /** The step that computes `count` more tokens of the request is certain: its slots now hold KV. */
  advance(request: Request, count: Tokens): void;
  /** The same for `count` requests of a `DecodeSet`, one token each; `settle` a request before it leaves the set. */
  advanceTogether(count: number): void;
  settle(request: Request): void;
  /** Adds a sequence that shares all of `from`'s memory (paged), or marks its copy (others). */
  fork(request: Request, from: Sequence, to: Sequence): void;
  /** The sequence has ended but its batch has not: its KV is dead, its slots stay taken (paged memory takes them back). */
  hold(request: Request, seq: Sequence): void;
  freeSequence(request: Request, seq: Sequence): void;
  /** Gives back everything the request holds. */
  free(request: Request): void;
  /** Moves the request's KV to the host; undefined if the host is full. Returns the number of blocks moved. */
  swapOut?(request: Request): number | undefined;
  swapIn?(request: Request): { blocks: number } | Shortage;
  /** Forgets the host copy of a swapped request that will not come back. */
  dropSwapped?(request: Request): void;
  /** The device lost what it held: nothing cached can be found any more. Only while no request holds memory. */
  forget?(): void;
  /** Copies asked for since the last call, for the step being planned. */
  takeCopies?(): BlockCopy[];

  /** Padded tensors: length of every row (0: each its own) and the slots copied when the tensor next grows. */
  tensor?(): { readonly length: Tokens; readonly copied: Tokens };
  /** The block table of a sequence, logical to physical. */
  table(seq: Sequence): readonly BlockId[];
  usage(): MemoryUsage;
  /** One `slotKinds` index per slot, by walking everything: for views and tests. */
  classify(): Uint8Array;
  checkIntegrity(): void;
}
