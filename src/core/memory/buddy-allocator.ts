import { invariant } from '../invariant.ts';
import type { RangeAllocator } from './range-allocator.ts';

/**
 * Binary buddy allocator: runs of a power of two, aligned to their size, split and merged with their
 * buddy. What the vLLM paper gives its Orca baselines (§6.1). A size that is no power of two is
 * covered by several arenas, largest first.
 */
export class BuddyAllocator implements RangeAllocator {
  readonly size: number;
  /** Starts of free runs by order, ascending. */
  readonly #free: number[][] = [];
  readonly #order = new Map<number, number>();

  constructor(size: number) {
    this.size = size;
    for (let start = 0, order = 30; order >= 0; order--) {
      this.#free[order] = [];
      while (start + 2 ** order <= size) {
        this.#free[order]!.push(start);
        start += 2 ** order;
      }
    }
  }

  allocate(length: number): { start: number; length: number } | undefined {
    const wanted = orderOf(length);
    let order = wanted;
    while (order < this.#free.length && this.#free[order]!.length === 0) order++;
    const start = this.#free[order]?.shift();
    if (start === undefined) return undefined;
    while (order > wanted) this.#insert(--order, start + 2 ** order);
    this.#order.set(start, wanted);
    return { start, length: 2 ** wanted };
  }

  free(start: number): void {
    let order = this.#order.get(start);
    invariant(order !== undefined, () => `run at ${start} is not allocated`);
    this.#order.delete(start);
    // Arenas start at multiples of their size, so a buddy beyond its arena is never a free run of this order.
    for (;;) {
      const buddy = start % 2 ** (order + 1) === 0 ? start + 2 ** order : start - 2 ** order;
      const at = this.#free[order]!.indexOf(buddy);
      if (at < 0) break;
      this.#free[order]!.splice(at, 1);
      start = Math.min(start, buddy);
      order++;
    }
    this.#insert(order, start);
  }

  rounded(length: number): number {
    return 2 ** orderOf(length);
  }

  couldHold(length: number): boolean {
    return 2 ** orderOf(length) <= this.size;
  }

  freeRuns(): [number, number][] {
    return this.#free
      .flatMap((starts, order) => starts.map((start): [number, number] => [start, 2 ** order]))
      .sort((a, b) => a[0] - b[0]);
  }

  #insert(order: number, start: number): void {
    const starts = this.#free[order]!;
    let at = starts.length;
    while (at > 0 && starts[at - 1]! > start) at--;
    starts.splice(at, 0, start);
  }

  checkIntegrity(): void {
    const taken = [...this.#order].map(([start, order]): [number, number] => [start, 2 ** order]);
    checkCover(this.size, [...this.freeRuns(), ...taken]);
    for (const [start, length] of [...this.freeRuns(), ...taken]) {
      invariant(start % length === 0, () => `run at ${start} of ${length} units is not aligned`);
    }
  }
}

function orderOf(length: number): number {
  return Math.ceil(Math.log2(length));
}

/** Free and taken runs tile the whole without gap or overlap. */
export function checkCover(size: number, runs: [number, number][]): void {
  let end = 0;
  for (const [start, length] of runs.sort((a, b) => a[0] - b[0])) {
    invariant(start === end, () => `gap or overlap at unit ${end}: next run starts at ${start}`);
    end = start + length;
  }
  invariant(end === size, () => `runs end at ${end}, memory at ${size}`);
}
