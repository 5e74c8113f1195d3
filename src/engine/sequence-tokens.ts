import { invariant } from '../core/invariant.ts';
import type { TokenSource } from '../core/token-source.ts';

/** The token ids of one sample: a prompt that all samples share, and what was drawn for it so far. */
export class SequenceTokens implements TokenSource {
  readonly prompt: Int32Array;
  readonly output: number[] = [];
  readonly #samples: readonly SequenceTokens[];

  private constructor(prompt: Int32Array, samples: readonly SequenceTokens[]) {
    this.prompt = prompt;
    this.#samples = samples;
  }

  /** `n` samples of a prompt. The core asks the first for the others, when it forks them. */
  static samples(prompt: Int32Array, n: number): readonly SequenceTokens[] {
    const samples: SequenceTokens[] = [];
    for (let i = 0; i < n; i++) samples.push(new SequenceTokens(prompt, samples));
    return samples;
  }

  get length(): number {
    return this.prompt.length + this.output.length;
  }

  at(position: number): number {
    const { prompt, output } = this;
    const token = position < prompt.length ? prompt[position] : output[position - prompt.length];
    invariant(token !== undefined, () => `token ${position} of ${this.length} is not known yet`);
    return token;
  }

  fork(index: number): SequenceTokens {
    return this.#samples[index]!;
  }
}
