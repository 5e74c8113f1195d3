import type { Choice, Delta } from '../choice.ts';
import { completionLogprobs, type TokenNames } from './logprobs.ts';
import type { ResponseHead, ResponseShape } from './response-shape.ts';
import { type Usage, usageOf } from './usage.ts';

export interface CompletionShapeOptions extends TokenNames {
  readonly head: ResponseHead;
  readonly logprobs: boolean;
  /** Texts of the prompts where they are to be repeated. */
  readonly echo: readonly string[] | undefined;
  /** `max_tokens` of 0 with `echo`: the prompt is all there is (as in vLLM, which draws one token and drops it). */
  readonly promptOnly: boolean;
  /** Ids of the prompts where they were asked for. */
  readonly promptTokenIds: readonly (readonly number[])[] | undefined;
}

/** `text_completion`, the shape of `/v1/completions`. */
export class CompletionShape implements ResponseShape {
  readonly #options: CompletionShapeOptions;
  readonly #head: object;
  readonly #opened = new Set<Choice>();

  constructor(options: CompletionShapeOptions) {
    const { id, created, model } = options.head;
    this.#options = options;
    this.#head = { id, object: 'text_completion', created, model };
  }

  opening(): readonly object[] {
    return [];
  }

  chunk(choice: Choice, delta: Delta, usage: Usage | undefined): object {
    const first = !this.#opened.has(choice);
    this.#opened.add(choice);
    const { promptTokenIds } = this.#options;
    return {
      ...this.#head,
      choices: [
        {
          index: choice.index,
          text: (first ? this.#echo(choice) : '') + this.#text(delta),
          logprobs: this.#logprobs(choice, delta),
          finish_reason: delta.finishReason ?? null,
          stop_reason: delta.stopReason ?? null,
          ...(promptTokenIds && {
            ...(first && { prompt_token_ids: promptTokenIds[choice.prompt] }),
            token_ids: delta.tokenIds,
          }),
        },
      ],
      ...(usage && { usage: usageOf(usage) }),
    };
  }

  usageChunk(usage: Usage): object {
    return { ...this.#head, choices: [], usage: usageOf(usage) };
  }

  whole(choices: readonly Choice[], usage: Usage): object {
    const { promptTokenIds } = this.#options;
    return {
      ...this.#head,
      choices: choices.map(choice => ({
        index: choice.index,
        text: this.#echo(choice) + this.#text(choice),
        logprobs: this.#logprobs(choice, choice),
        finish_reason: choice.finishReason ?? null,
        stop_reason: choice.stopReason ?? null,
        ...(promptTokenIds && {
          token_ids: choice.tokenIds,
          prompt_token_ids: promptTokenIds[choice.prompt],
        }),
      })),
      usage: usageOf(usage),
    };
  }

  #echo({ prompt }: Choice): string {
    return this.#options.echo?.[prompt] ?? '';
  }

  #text({ text }: Pick<Delta, 'text'>): string {
    return this.#options.promptOnly ? '' : text;
  }

  #logprobs(choice: Choice, { logprobs }: Pick<Delta, 'logprobs'>): object | null {
    if (!this.#options.logprobs) return null;
    const shaped = completionLogprobs(logprobs, this.#options, choice.described);
    choice.described += shaped.tokens.reduce((sum, token) => sum + token.length, 0);
    return shaped;
  }
}
