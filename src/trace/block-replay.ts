import { type BlockHistory, blockHistory } from './block-history.ts';
import { applyStep, copyState, emptyState } from './block-state.ts';
import { type BlockState, FREE, type Recording } from './recording.ts';
import { lastNotAfter } from './search.ts';

/** Every block at any step: forward from the step before, or else from the last state that is kept. */
export class BlockReplay {
  readonly #recording: Recording;
  readonly #history: BlockHistory;
  readonly #state: BlockState;
  #step = -1;

  constructor(recording: Recording) {
    this.#recording = recording;
    this.#history = blockHistory.of(recording);
    this.#state = emptyState(recording.memory.numBlocks);
  }

  /** −1: before the first step, when all is free. */
  get step(): number {
    return this.#step;
  }

  /** The same arrays at every call. */
  at(step: number): BlockState {
    const { steps, unused } = this.#history;
    const kept = lastNotAfter(steps, step, of => of);
    if (this.#step > step || this.#step < (steps[kept] ?? -1)) this.#restore(kept);
    while (this.#step < step) applyStep(this.#state, this.#recording.blocks, unused, ++this.#step);
    return this.#state;
  }

  /** @param kept number of a state that is kept; −1: the one before the first step. */
  #restore(kept: number): void {
    const { steps, states } = this.#history;
    const { numBlocks } = this.#recording.memory;
    this.#step = steps[kept] ?? -1;
    if (kept >= 0) {
      copyState(states, kept * numBlocks, this.#state, 0, numBlocks);
      return;
    }
    const { owner, ...others } = this.#state;
    owner.fill(FREE);
    for (const column of Object.values(others)) column.fill(0);
  }
}

/** The step whose entries `[start[step], start[step + 1])` an entry is among. */
export function stepOfEntry(start: Int32Array, entry: number): number {
  return lastNotAfter(start, entry, first => first);
}
