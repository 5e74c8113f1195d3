import { UsageError } from '../../core/errors.ts';
import { NoKernels } from '../../sim/kernels/table-files.ts';
import { AbsentData } from '../run-studies.ts';

/** Rows that cannot be simulated, counted by the reason. */
export class LeftOut {
  readonly #rows = new Map<string, number>();
  #onlyForKernels = true;

  add(why: string, rows = 1): void {
    this.#rows.set(why, (this.#rows.get(why) ?? 0) + rows);
    this.#onlyForKernels = false;
  }

  /** What `run` gives; undefined where the user's data do not allow it, for a reason that counts for `rows`. */
  async attempt<T>(rows: number, run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const before = this.#onlyForKernels;
      this.add(error.message, rows);
      this.#onlyForKernels = before && error instanceof NoKernels;
      return undefined;
    }
  }

  /** @throws AbsentData where no row is left for want of rows or kernels, UsageError where for any other reason. */
  checkAnyLeft(left: number, wanted: string): void {
    if (left > 0) return;
    if (this.#rows.size === 0) throw new AbsentData(`ground_truth.csv has no rows of ${wanted}`);
    const message = `no row of ${wanted} can be simulated: ${this.notes.join('; ')}`;
    throw this.#onlyForKernels ? new AbsentData(message) : new UsageError(message);
  }

  get notes(): string[] {
    return [...this.#rows].map(([why, rows]) => `${rows} ${rows === 1 ? 'row' : 'rows'} left out: ${why}`);
  }
}
