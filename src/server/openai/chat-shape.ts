import type { Choice, Delta } from '../choice.ts';
import { chatLogprobs, type TokenNames } from './logprobs.ts';
import type { ResponseHead, ResponseShape } from './response-shape.ts';
import { type Usage, usageOf } from './usage.ts';

export interface ChatShapeOptions extends TokenNames {
  readonly head: ResponseHead;
  /** Whose message it is: `assistant`, or that of the message which is continued. */
  readonly role: string;
  readonly logprobs: boolean;
  /** The beginning of the message, where it is to be repeated. */
  readonly echo: string;
  /** Ids of the prompt where they were asked for. */
  readonly promptTokenIds: readonly number[] | undefined;
}

/** `chat.completion` and `chat.completion.chunk`, the shapes of `/v1/chat/completions`. */
export class ChatShape implements ResponseShape {
  readonly #options: ChatShapeOptions;

  constructor(options: ChatShapeOptions) {
    this.#options = options;
  }

  #head(object: string): object {
    const { id, created, model } = this.#options.head;
    return { id, object, created, model };
  }

  opening(choice: Choice): readonly object[] {
    const { role, echo, promptTokenIds } = this.#options;
    const said = (delta: object) => ({
      ...this.#head('chat.completion.chunk'),
      choices: [{ index: choice.index, delta, logprobs: null, finish_reason: null }],
    });
    const first = said({ role, content: '' });
    return [
      promptTokenIds ? { ...first, prompt_token_ids: promptTokenIds } : first,
      ...(echo === '' ? [] : [said({ content: echo })]),
    ];
  }

  chunk(choice: Choice, delta: Delta, usage: Usage | undefined): object {
    const ends = delta.finishReason !== undefined;
    return {
      ...this.#head('chat.completion.chunk'),
      choices: [
        {
          index: choice.index,
          delta: { content: delta.text },
          logprobs: this.#logprobs(delta),
          finish_reason: delta.finishReason ?? null,
          ...(ends && { stop_reason: delta.stopReason ?? null }),
          ...(this.#options.promptTokenIds && { token_ids: delta.tokenIds }),
        },
      ],
      ...(usage && { usage: usageOf(usage) }),
    };
  }

  usageChunk(usage: Usage): object {
    return { ...this.#head('chat.completion.chunk'), choices: [], usage: usageOf(usage) };
  }

  whole(choices: readonly Choice[], usage: Usage): object {
    const { role, echo, promptTokenIds } = this.#options;
    return {
      ...this.#head('chat.completion'),
      choices: choices.map(choice => ({
        index: choice.index,
        message: { role, content: echo + choice.text, tool_calls: [] },
        logprobs: this.#logprobs(choice),
        finish_reason: choice.finishReason ?? null,
        stop_reason: choice.stopReason ?? null,
        ...(promptTokenIds && { token_ids: choice.tokenIds }),
      })),
      usage: usageOf(usage),
      prompt_logprobs: null,
      ...(promptTokenIds && { prompt_token_ids: promptTokenIds }),
    };
  }

  #logprobs({ logprobs }: Pick<Delta, 'logprobs'>): object | null {
    return this.#options.logprobs ? chatLogprobs(logprobs, this.#options) : null;
  }
}
