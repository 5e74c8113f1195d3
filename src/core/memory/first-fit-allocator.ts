import { invariant } from '../invariant.ts';
import { checkCover } from './buddy-allocator.ts';
import type { RangeAllocator } from './range-allocator.ts';

/** The lowest free run that is long enough; neighbours merge when freed. */
export class FirstFitAllocator implements RangeAllocator {
  readonly size: number;
  readonly #taken = new Map<number, number>();
  #runs: [number, number][];

  constructor(size: number) {
    this.size = size;
    this.#runs = [[0, size]];
  }

  allocate(length: number): { start: number; length: number } | undefined {
    const at = this.#runs.findIndex(run => run[1] >= length);
    const run = this.#runs[at];
    if (!run) return undefined;
    const [start, free] = run;
    if (free === length) this.#runs.splice(at, 1);
    else this.#runs[at] = [start + length, free - length];
    this.#taken.set(start, length);
    return { start, length };
  }

  free(start: number): void {
    const length = this.#taken.get(start);
    invariant(length !== undefined, () => `run at ${start} is not allocated`);
    this.#taken.delete(start);
    let at = this.#runs.findIndex(run => run[0] > start);
    if (at < 0) at = this.#runs.length;
    this.#runs.splice(at, 0, [start, length]);
    for (const i of [at, at - 1]) {
      const [left, right] = [this.#runs[i], this.#runs[i + 1]];
      if (left && right && left[0] + left[1] === right[0]) {
        this.#runs.splice(i, 2, [left[0], left[1] + right[1]]);
      }
    }
  }

  rounded(length: number): number {
    return length;
  }

  couldHold(length: number): boolean {
    return length <= this.size;
  }

  freeRuns(): [number, number][] {
    return this.#runs.map(([start, length]): [number, number] => [start, length]);
  }

  checkIntegrity(): void {
    checkCover(this.size, [...this.freeRuns(), ...this.#taken]);
    for (const [i, [start, length]] of this.#runs.entries()) {
      const next = this.#runs[i + 1];
      invariant(
        !next || start + length < next[0],
        () => `free runs at ${start} and ${next![0]} are not merged`,
      );
    }
  }
}
