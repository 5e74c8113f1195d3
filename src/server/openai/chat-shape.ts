import { randomUUID } from 'node:crypto';
import type { FinishReason } from '../../core/request.ts';
import { parseToolCalls, ToolCallParser } from '../../engine/structured/tool-call-parser.ts';
import type { Choice, Delta } from '../choice.ts';
import { chatLogprobs, type TokenNames } from './logprobs.ts';
import type { ResponseHead, ResponseShape } from './response-shape.ts';
import { type Usage, usageOf } from './usage.ts';

export interface ChatShapeOptions extends TokenNames {
  readonly head: ResponseHead;
  /** Whose message it is: `assistant`, or that of the message which is continued. */
  readonly role: string;
  readonly logprobs: boolean;
  /** Whether calls of tools are looked for in the text. */
  readonly tools: boolean;
  /** The beginning of the message, where it is to be repeated. */
  readonly echo: string;
  /** Ids of the prompt where they were asked for. */
  readonly promptTokenIds: readonly number[] | undefined;
}

/** `chat.completion` and `chat.completion.chunk`, the shapes of `/v1/chat/completions`. */
export class ChatShape implements ResponseShape {
  readonly #options: ChatShapeOptions;
  /** Of a stream: by choice. */
  readonly #parsers = new Map<number, ToolCallParser>();

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
    const { said, called } = this.#said(choice, delta);
    return {
      ...this.#head('chat.completion.chunk'),
      choices: [
        {
          index: choice.index,
          delta: said,
          logprobs: this.#logprobs(delta),
          finish_reason: finishOf(delta.finishReason, called),
          ...(ends && { stop_reason: delta.stopReason ?? null }),
          ...(this.#options.promptTokenIds && { token_ids: delta.tokenIds }),
        },
      ],
      ...(usage && { usage: usageOf(usage) }),
    };
  }

  /** What a step added to the message: text, and calls. */
  #said(choice: Choice, delta: Delta): { readonly said: object; readonly called: boolean } {
    if (!this.#options.tools) return { said: { content: delta.text }, called: false };
    let parser = this.#parsers.get(choice.index);
    if (!parser) this.#parsers.set(choice.index, (parser = new ToolCallParser(newCallId)));
    const parts = [parser.push(delta.text)];
    if (delta.finishReason !== undefined) parts.push(parser.end());
    const content = parts.map(part => part.content).join('');
    const calls = parts.flatMap(part => part.toolCalls);
    return {
      said: {
        ...((content !== '' || calls.length === 0) && { content }),
        ...(calls.length > 0 && { tool_calls: calls }),
      },
      called: parser.calls > 0,
    };
  }

  usageChunk(usage: Usage): object {
    return { ...this.#head('chat.completion.chunk'), choices: [], usage: usageOf(usage) };
  }

  whole(choices: readonly Choice[], usage: Usage): object {
    const { promptTokenIds } = this.#options;
    return {
      ...this.#head('chat.completion'),
      choices: choices.map(choice => {
        const message = this.#message(choice);
        return {
          index: choice.index,
          message,
          logprobs: this.#logprobs(choice),
          finish_reason: finishOf(choice.finishReason, message.tool_calls.length > 0),
          stop_reason: choice.stopReason ?? null,
          ...(promptTokenIds && { token_ids: choice.tokenIds }),
        };
      }),
      usage: usageOf(usage),
      prompt_logprobs: null,
      ...(promptTokenIds && { prompt_token_ids: promptTokenIds }),
    };
  }

  #message({ text }: Choice) {
    const { role, echo, tools } = this.#options;
    if (!tools) return { role, content: echo + text, tool_calls: [] };
    const { content, toolCalls } = parseToolCalls(text, newCallId);
    return {
      role,
      content: content === null && echo === '' ? null : echo + (content ?? ''),
      tool_calls: toolCalls,
    };
  }

  #logprobs({ logprobs }: Pick<Delta, 'logprobs'>): object | null {
    return this.#options.logprobs ? chatLogprobs(logprobs, this.#options) : null;
  }
}

/** As vLLM names them. */
function newCallId(): string {
  return `chatcmpl-tool-${randomUUID().replaceAll('-', '')}`;
}

function finishOf(reason: FinishReason | undefined, called: boolean): string | null {
  return called && reason === 'stop' ? 'tool_calls' : (reason ?? null);
}
