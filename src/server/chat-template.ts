import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { fileError, readJsonIfThere, sizeOf } from '../backends/model/files.ts';
import { UsageError } from '../core/errors.ts';
import { badRequest } from './api-error.ts';

const configFile = 'tokenizer_config.json';

/** Templates that read a message's parts by themselves; others are given text. */
const readsParts = /\bin\s+\w+(\[['"]content['"]\]|\.content)/;

/** Makes the text of a prompt from a conversation, as the model was taught to read it. */
export class ChatTemplate {
  readonly #template: Template;
  /** Begin and end of sequence, and what else the tokenizer's config names. */
  readonly #tokens: Readonly<Record<string, string>>;
  readonly readsParts: boolean;
  readonly readsTools: boolean;

  /** @throws UsageError when it is not Jinja, or of a kind that is not supported. */
  constructor(source: string, tokens: Readonly<Record<string, string>>, place: string) {
    try {
      this.#template = new Template(source);
    } catch (error) {
      throw new UsageError(`${place}: the chat template cannot be read: ${(error as Error).message}`);
    }
    this.#tokens = tokens;
    this.readsParts = readsParts.test(source);
    this.readsTools = /\btools\b/.test(source);
  }

  /** @throws ApiError 400 with what the template has against the conversation. */
  render(values: Readonly<Record<string, unknown>>): string {
    try {
      return this.#template.render({ ...this.#tokens, ...values });
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw badRequest(`The chat template does not take this conversation: ${why.slice(0, 500)}`, 'messages');
    }
  }
}

/**
 * The template of the model in a folder: `chat_template.jinja`, else that of `tokenizer_config.json`; undefined when
 * it has none.
 * @param file One to use instead.
 * @throws UsageError when it cannot be read.
 */
export async function readChatTemplate(folder: string, file?: string): Promise<ChatTemplate | undefined> {
  const config = await readConfig(folder);
  const tokens = tokensOf(config);
  const own = join(folder, 'chat_template.jinja');
  const asked = file ?? ((await sizeOf(own)) === undefined ? undefined : own);
  if (asked !== undefined) return new ChatTemplate(await readText(asked), tokens, asked);
  const source = defaultOf(config['chat_template']);
  return source === undefined ? undefined : new ChatTemplate(source, tokens, join(folder, configFile));
}

/** What templates may name, begin and end of sequence say, of the tokenizer in a folder. @throws UsageError */
export async function readNamedTokens(folder: string): Promise<Readonly<Record<string, string>>> {
  return tokensOf(await readConfig(folder));
}

async function readConfig(folder: string): Promise<Readonly<Record<string, unknown>>> {
  return ((await readJsonIfThere(join(folder, configFile))) ?? {}) as Readonly<Record<string, unknown>>;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw fileError(path, error);
  }
}

/** One template, or a list of named ones. */
function defaultOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const named = value.find(one => one?.name === 'default') ?? value[0];
  return typeof named?.template === 'string' ? named.template : undefined;
}

function tokensOf(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [key, value] of Object.entries(config)) {
    if (!key.endsWith('_token')) continue;
    const text = typeof value === 'object' && value !== null ? Reflect.get(value, 'content') : value;
    if (typeof text === 'string') tokens[key] = text;
  }
  return tokens;
}
