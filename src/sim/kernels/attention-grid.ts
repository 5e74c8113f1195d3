import { bracket, Line, tierOf, worse } from './grid.ts';
import type { AttentionStep, KernelTime } from './kernel-tables.ts';

/** One measured step: prefill tokens, keys that each sees in the mean, decodes and the KV of each, seconds. */
export type AttentionRow = readonly [
  chunk: number,
  key: number,
  decodes: number,
  kv: number,
  seconds: number,
];

/** The rows that share the coordinates so far, by the next coordinate. */
interface Level {
  readonly axis: readonly number[];
  readonly children: readonly (Level | Line)[];
}

/**
 * Attention of whole steps on a grid of (chunk, key, decodes, kv), linear between its points: blending in
 * the logarithm came out 9–14 % too slow (LLMServingSim's changelog). Where the profiler ran out of memory
 * the longest KV are missing, and the last two that it ran go on.
 */
export class AttentionGrid {
  readonly #root: Level;

  constructor(rows: readonly AttentionRow[]) {
    this.#root = levelOf(rows, 0);
  }

  read({ chunk, key, decodes }: AttentionStep, kv: number): KernelTime {
    const single = chunk / 2;
    if (chunk === 0 || key >= single) return this.#read([chunk, key, decodes, kv]);
    // The tables run one prompt a step. Several short ones see fewer keys: that share of its arithmetic.
    const one = this.#read([chunk, single, decodes, kv]);
    const alone = decodes > 0 ? this.#read([0, 0, decodes, kv]).seconds : 0;
    return { seconds: alone + (one.seconds - alone) * (key / single), tier: 'extrapolated' };
  }

  #read(at: readonly number[]): KernelTime {
    return readLevel(this.#root, at, 0);
  }
}

function levelOf(rows: readonly AttentionRow[], depth: number): Level {
  const groups = new Map<number, AttentionRow[]>();
  for (const row of rows) {
    const group = groups.get(row[depth]!);
    if (group) group.push(row);
    else groups.set(row[depth]!, [row]);
  }
  const axis = [...groups.keys()].sort((a, b) => a - b);
  const children = axis.map(value => {
    const own = groups.get(value)!;
    return depth === 2 ? new Line(own.map(row => [row[3], row[4]])) : levelOf(own, depth + 1);
  });
  return { axis, children };
}

function readLevel(level: Level | Line, at: readonly number[], depth: number): KernelTime {
  if (level instanceof Line) {
    const { value, tier } = level.read(at[depth]!);
    return { seconds: value, tier };
  }
  const found = bracket(level.axis, at[depth]!);
  const lower = readLevel(level.children[found.lower]!, at, depth + 1);
  if (found.weight === 0) return lower;
  const upper = readLevel(level.children[found.upper]!, at, depth + 1);
  const seconds = lower.seconds + (upper.seconds - lower.seconds) * found.weight;
  return { seconds: Math.max(0, seconds), tier: worse(tierOf(found), worse(lower.tier, upper.tier)) };
}
