import type { Ask, Heard, Ticket } from '../engine/engine-client.ts';
import type { RequestOutput } from '../engine/outputs.ts';
import { Choice, type Delta, type TextOptions } from './choice.ts';
import type { ServedModel } from './served-model.ts';
import { Turns } from './turns.ts';

/** Of all streams of the process: they share its event loop. */
const turns = new Turns();

export interface GenerationWatcher {
  /** After each step that added to a choice. */
  grown(choice: Choice, delta: Delta): void;
  /** A prompt is over; what was left of its choices came before. */
  over(output: RequestOutput, ask: Ask, choices: readonly Choice[]): void;
}

/** The prompts of one request while the engine works on them. */
export class Generation {
  readonly choices: readonly Choice[];
  readonly #model: ServedModel;
  readonly #asks: readonly Ask[];
  readonly #watcher: GenerationWatcher;
  /** By prompt; with gaps until the engine has answered. */
  readonly #tickets: (Ticket | undefined)[] = [];
  #open: number;
  #aborted = false;
  #end!: (error: Error | undefined) => void;
  /** When all prompts are over: undefined, or what the engine died of. */
  readonly ended: Promise<Error | undefined>;

  constructor(model: ServedModel, asks: readonly Ask[], options: TextOptions, watcher: GenerationWatcher) {
    this.#model = model;
    this.#asks = asks;
    this.#watcher = watcher;
    this.#open = asks.length;
    this.ended = new Promise(resolve => {
      this.#end = resolve;
    });
    let index = 0;
    this.choices = asks.flatMap(({ params, promptTokenIds }, prompt) =>
      Array.from(
        { length: params.n },
        () => new Choice({ index: index++, prompt }, promptTokenIds, params, model.tokenizer, options),
      ),
    );
  }

  /**
   * Gives the prompts to the engine, all or none.
   * @throws UsageError when one of them can never be served, and what the engine has died of.
   */
  async start(): Promise<void> {
    const added = await Promise.allSettled(
      this.#asks.map(async (ask, prompt) => {
        this.#tickets[prompt] = await this.#model.engine.add(ask, this.#heard(prompt));
        this.#stopIfDone(prompt);
      }),
    );
    const refused = added.find(result => result.status === 'rejected');
    if (refused || this.#aborted) this.abort();
    if (refused) throw refused.reason;
  }

  /** The engine lets go of it within a step. */
  abort(): void {
    this.#aborted = true;
    for (const ticket of this.#tickets) ticket?.abort();
  }

  /** A text that ended where only its choice could tell: the engine would go on. */
  #stopIfDone(prompt: number): void {
    const goesOn = this.choices.some(choice => choice.prompt === prompt && !choice.finishReason);
    if (!goesOn) this.#tickets[prompt]?.abort();
  }

  #heard(prompt: number): Heard {
    const choices = this.choices.filter(choice => choice.prompt === prompt);
    const ask = this.#asks[prompt]!;
    const inTurn = (tell: () => void) => {
      turns.add(() => {
        try {
          tell();
        } catch (error) {
          this.abort();
          this.#end(error as Error);
        }
      });
    };
    return {
      update: update =>
        inTurn(() => {
          const choice = choices[update.index]!;
          const delta = choice.take(update);
          if (!delta) return;
          this.#watcher.grown(choice, delta);
          if (choice.finishReason && !update.finishReason) this.#stopIfDone(prompt);
        }),
      over: output =>
        inTurn(() => {
          for (const [i, choice] of choices.entries()) {
            const delta = choice.close(output.outputs[i]!);
            if (delta) this.#watcher.grown(choice, delta);
          }
          this.#watcher.over(output, ask, choices);
          if (--this.#open === 0) this.#end(undefined);
        }),
      failed: error => inTurn(() => this.#end(error)),
    };
  }
}
