import type { StepPlan } from '../../core/step-plan.ts';
import type { Tokens } from '../../core/units.ts';

/** A prompt, or a piece of one: `rows` sequences compute `chunk` tokens after `past` ones. */
export interface PrefillPiece {
  readonly rows: number;
  readonly chunk: Tokens;
  readonly past: Tokens;
}

/** What a step is to the hardware: no requests, only sizes. */
export interface StepShape {
  /** Rows through the linear layers, padding and held rows included. */
  tokens: Tokens;
  /** Rows through lm_head and the sampler. */
  sampled: number;
  /** Sequences the CPU handles. */
  sequences: number;
  /** Rows that decode, and the KV slots their attention reads. */
  decodes: number;
  decodeKv: Tokens;
  /** The shortest and the longest of these reads, where the plan names every decode; else 0. */
  shortestKv: Tokens;
  longestKv: Tokens;
  prefills: PrefillPiece[];
  /** KV slots copied on the device; blocks moved between device and host. */
  copiedTokens: Tokens;
  swappedTokens: Tokens;
  swappedBlocks: number;
}

/** Reads a plan. `slidingWindow` bounds what decode attention reads of each sequence. */
export function shapeOf(
  plan: StepPlan,
  blockSize: Tokens,
  slidingWindow = Number.POSITIVE_INFINITY,
): StepShape {
  const { paddedLength, heldRows } = plan;
  const swappedBlocks = plan.swappedInBlocks + plan.swappedOutBlocks;
  const shape: StepShape = {
    tokens: 0,
    sampled: 0,
    sequences: heldRows,
    decodes: 0,
    decodeKv: 0,
    shortestKv: 0,
    longestKv: 0,
    prefills: [],
    copiedTokens: plan.copiedTokens + plan.copies.length * blockSize,
    swappedTokens: swappedBlocks * blockSize,
    swappedBlocks,
  };
  for (let i = 0; i < plan.requests.length; i++) {
    const request = plan.requests[i]!;
    const rows = plan.rows[i]!;
    const start = plan.starts[i]!;
    const count = plan.numTokens[i]!;
    shape.sequences += rows;
    if (count === 1 && request.numOutputTokens > 0) {
      shape.tokens += rows;
      shape.decodes += rows;
      const kv = paddedLength || Math.min(start + 1, slidingWindow);
      shape.decodeKv += rows * kv;
      shape.shortestKv = shape.decodes === rows ? kv : Math.min(shape.shortestKv, kv);
      shape.longestKv = Math.max(shape.longestKv, kv);
    } else {
      // A padded prefill computes every row to the longest prompt's length.
      const chunk = paddedLength || count;
      shape.tokens += rows * chunk;
      shape.prefills.push({ rows, chunk, past: start });
    }
    if (start + count === request.numTokens) shape.sampled += request.seqs.length;
  }
  if (plan.together) {
    const { count, context } = plan.together;
    shape.tokens += count;
    shape.sampled += count;
    shape.sequences += count;
    shape.decodes += count;
    shape.decodeKv += context;
    shape.shortestKv = 0;
    shape.longestKv = 0;
  }
  if (heldRows > 0 && shape.decodes > 0) {
    // Ended rows go through the layers with the others; padded attention reads their dead KV as well.
    shape.tokens += heldRows;
    shape.sampled += heldRows;
    shape.decodes += heldRows;
    shape.decodeKv += heldRows * paddedLength;
  }
  return shape;
}
