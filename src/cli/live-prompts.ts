import type { Tokens } from '../core/units.ts';
import type { RequestOutput } from '../engine/outputs.ts';
import { createRng } from '../sim/rng.ts';
import type { Arrival } from '../sim/workload/workload.ts';

/**
 * The token ids of a workload's prompts. What they say does not matter to the time it takes; what they share does, to
 * the prefix cache, and is kept: equal content gives equal ids.
 */
export class LivePrompts {
  readonly #vocab: number;
  readonly #seed: number;
  readonly #chat: boolean;
  #made = 0;
  /** What was said so far, by conversation: the model's own answers, not those that the workload made up. */
  readonly #said = new Map<number, readonly number[]>();

  constructor(vocab: number, seed: number, chat: boolean) {
    this.#vocab = vocab;
    this.#seed = seed;
    this.#chat = chat;
  }

  idsOf(arrival: Arrival): number[] {
    const { promptTokens, tokens, session } = arrival;
    const said = this.#chat && session !== undefined ? this.#said.get(session) : undefined;
    const random = tokens ? undefined : createRng(this.#seed, `prompt/${this.#made++}`);
    const vocab = this.#vocab;
    return Array.from({ length: promptTokens }, (_, i: Tokens) => {
      const known = said?.[i];
      if (known !== undefined) return known;
      return random ? Math.floor(random() * vocab) : (tokens!.at(i) >>> 0) % vocab;
    });
  }

  /** A conversation goes on from its answer. */
  answered({ session }: Arrival, { promptTokenIds, outputs }: RequestOutput): void {
    if (!this.#chat || session === undefined) return;
    this.#said.set(session, [...promptTokenIds, ...outputs[0]!.tokenIds]);
  }
}
