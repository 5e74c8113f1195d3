import type { Tokens } from '../core/units.ts';

/** What is asked: text, or token ids. */
export type Prompt = string | readonly number[];

/** What every request of a run has in common. */
export interface RequestDefaults {
  readonly model: string;
  readonly ignoreEos: boolean;
  /** Sampling parameters, and whatever else goes into the body as it is. */
  readonly extraBody: Readonly<Record<string, unknown>>;
}

/** A chunk of a stream, as far as a benchmark looks at it. */
export interface Chunk {
  /** Undefined where it carries no choice, such as the one with the usage. */
  readonly text: string | undefined;
  readonly finished: boolean;
  readonly usage: { readonly promptTokens?: Tokens; readonly completionTokens?: Tokens } | undefined;
  /** An error object in the stream. */
  readonly error: unknown;
}

/** One of the two APIs that complete prompts. */
export interface Api {
  /** Where it is, below the base URL. */
  readonly path: string;
  readonly takesTokenIds: boolean;
  body(prompt: Prompt, outputTokens: Tokens, defaults: RequestDefaults, overrides: object): object;
  textOf(choice: Readonly<Record<string, unknown>>): string;
}

export type BackendName = 'openai' | 'vllm' | 'openai-chat';

const completions: Api = {
  path: '/v1/completions',
  takesTokenIds: true,
  body: (prompt, outputTokens, defaults, overrides) => ({
    model: defaults.model,
    prompt,
    max_tokens: outputTokens,
    ...streamed,
    ...common(defaults, overrides),
  }),
  textOf: ({ text }) => (typeof text === 'string' ? text : ''),
};

const chat: Api = {
  path: '/v1/chat/completions',
  takesTokenIds: false,
  body: (prompt, outputTokens, defaults, overrides) => ({
    model: defaults.model,
    messages: [{ role: 'user', content: prompt }],
    max_completion_tokens: outputTokens,
    ...streamed,
    ...common(defaults, overrides),
  }),
  textOf: ({ delta }) => {
    if (typeof delta !== 'object' || delta === null) return '';
    const {
      content,
      reasoning,
      reasoning_content: older,
      tool_calls: calls,
    } = delta as Record<string, unknown>;
    for (const text of [content, reasoning, older]) if (typeof text === 'string' && text !== '') return text;
    return Array.isArray(calls) && calls.length > 0 ? JSON.stringify(calls) : '';
  },
};

/** By the names of `vllm bench serve`. */
export const apis: Readonly<Record<BackendName, Api>> = {
  openai: completions,
  vllm: completions,
  'openai-chat': chat,
};

const streamed = { stream: true, stream_options: { include_usage: true } };

function common({ ignoreEos, extraBody }: RequestDefaults, overrides: object): object {
  return { ...(ignoreEos && { ignore_eos: true }), ...extraBody, ...overrides };
}

/** @throws SyntaxError when the data are not a JSON object. */
export function parseChunk(data: string, api: Api): Chunk {
  const value = JSON.parse(data) as {
    choices?: readonly Readonly<Record<string, unknown>>[] | null;
    usage?: { prompt_tokens?: unknown; completion_tokens?: unknown } | null;
    error?: unknown;
  } | null;
  if (typeof value !== 'object' || value === null) throw new SyntaxError('expected an object');
  const choice = value.choices?.[0];
  const { usage } = value;
  return {
    text: choice && api.textOf(choice),
    finished: choice !== undefined && typeof choice['finish_reason'] === 'string',
    usage: usage
      ? {
          ...count('promptTokens', usage.prompt_tokens),
          ...count('completionTokens', usage.completion_tokens),
        }
      : undefined,
    error: value.error ?? undefined,
  };
}

function count<Name extends string>(name: Name, value: unknown): { readonly [K in Name]?: Tokens } {
  return Number.isSafeInteger(value) && (value as number) >= 0
    ? ({ [name]: value } as { readonly [K in Name]: Tokens })
    : {};
}
