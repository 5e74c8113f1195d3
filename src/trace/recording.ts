import type { SlotKind } from '../core/kv-memory.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import type { Wholes } from './whole-column.ts';

/** The version of the format that this code writes and reads. */
export const RECORDING_VERSION = 2;

/**
 * A whole run, kept for views: columns of numbers that travel between threads without being copied. Step `i`
 * is the i-th that ran; lists that belong to steps are `[start[i], start[i + 1])` of their columns.
 */
export interface Recording {
  readonly version: typeof RECORDING_VERSION;
  readonly policy: string;
  /** The settings of the run, as `quire run` reads them. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly memory: {
    readonly kind: 'paged' | 'contiguous' | 'padded';
    readonly blockSize: Tokens;
    /** Blocks of `blockSize` slots; a padded tensor has blocks of one slot a row's token. */
    readonly numBlocks: number;
    /** Slots: what the kinds of `steps.usage` sum to. */
    readonly capacity: Tokens;
  };
  readonly requests: readonly RecordedRequest[];
  readonly steps: StepColumns;
  readonly work: WorkColumns;
  readonly blocks: BlockColumns;
  readonly tables: TableColumns;
  readonly decisions: readonly Decision[];
}

export interface RecordedRequest {
  readonly id: number;
  readonly arrival: Seconds;
  readonly promptTokens: Tokens;
  readonly maxTokens: Tokens;
  /** Samples, or beams. */
  readonly width: number;
  readonly priority: number;
  /** Longest answer; 0 while there is none. */
  readonly outputTokens: Tokens;
  /** Tokens found in the prefix cache when it was first admitted. */
  readonly cachedTokens: Tokens;
  /** NaN where it did not come to that. */
  readonly admitted: Seconds;
  readonly firstToken: Seconds;
  readonly finished: Seconds;
  readonly preemptions: number;
  readonly end: 'finished' | 'aborted' | 'rejected' | 'running';
}

/** One entry a step. */
export interface StepColumns {
  readonly count: number;
  readonly time: Float64Array;
  readonly end: Float64Array;
  /** Requests that ran, that waited, and ended rows that a static batch held. */
  readonly running: Int32Array;
  readonly waiting: Int32Array;
  readonly held: Int32Array;
  readonly prefillTokens: Int32Array;
  readonly decodeTokens: Int32Array;
  /** Seconds bound by arithmetic, by memory bandwidth, by neither. */
  readonly compute: Float32Array;
  readonly bandwidth: Float32Array;
  readonly overhead: Float32Array;
  /** Slots of each kind while it ran. */
  readonly usage: Readonly<Record<SlotKind, Float64Array>>;
}

export const workKinds = ['prefill', 'decode', 'held'] as const;
export type WorkKind = (typeof workKinds)[number];

/** What each request did in a step. */
export interface WorkColumns {
  readonly start: Int32Array;
  /** Index into `requests`. */
  readonly request: Int32Array;
  /** Index into `workKinds`. */
  readonly kind: Uint8Array;
  readonly tokens: Wholes;
}

/** Owner of a block that nobody holds. */
export const FREE = -1;
/** The same, but it still holds a reusable prefix. */
export const CACHED = -2;

/** Blocks that changed before a step ran: what they are from then on. */
export interface BlockColumns {
  readonly start: Int32Array;
  readonly block: Wholes;
  /** Index into `requests`, of the first that holds it; FREE or CACHED. */
  readonly owner: Int32Array;
  /** Sequences that hold it. */
  readonly refs: Wholes;
  /** Slots of it that hold KV; the others of a held block are reserved or waste. */
  readonly filled: Wholes;
}

/** Entries of block tables that changed before a step ran. */
export interface TableColumns {
  readonly start: Int32Array;
  readonly request: Int32Array;
  readonly sequence: Wholes;
  /** Logical block, and the physical one behind it; −1: none any more. */
  readonly index: Wholes;
  readonly block: Int32Array;
}

/** Something that was decided, and why. */
export interface Decision {
  /** The step that it was made before. */
  readonly step: number;
  readonly time: Seconds;
  readonly type:
    | 'arrived'
    | 'admitted'
    | 'blocked'
    | 'preempted'
    | 'finished'
    | 'aborted'
    | 'rejected'
    | 'forked'
    | 'copied';
  /** Index into `requests`. */
  readonly request: number;
  /** In words: `needs 12 blocks, 9 free`. */
  readonly reason: string;
}

/** Every block at one step. */
export interface BlockState {
  readonly owner: Int32Array;
  readonly refs: Uint16Array;
  readonly filled: Uint16Array;
  /** Slots of it that its owner will never fill: see `unusedSlots`. */
  readonly unused: Uint16Array;
  /** The step since which it has been as it is. */
  readonly since: Int32Array;
}
