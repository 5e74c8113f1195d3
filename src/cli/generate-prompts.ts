import { isUtf8 } from 'node:buffer';
import { buffer } from 'node:stream/consumers';
import { didYouMean } from '../core/did-you-mean.ts';
import { quoted, UsageError } from '../core/errors.ts';
import type { SamplingOptions } from '../engine/complete-params.ts';
import type { Prompt } from '../engine/prompt.ts';
import { readBytes } from './files.ts';
import { asKey } from './flag-words.ts';
import { checkSampling, samplingKeys } from './generate-sampling.ts';

const NEWLINE = 0x0a;

/** A prompt, with what is asked of it. */
export interface PromptEntry {
  readonly prompt: Prompt;
  readonly params: SamplingOptions;
  /** Where it is from, for messages: `--prompt` or `file: line 3`. */
  readonly place: string;
}

export interface PromptFlags {
  readonly prompt?: readonly string[];
  readonly prompts?: string;
}

/** One more `--prompt`. @throws UsageError where the next flag stands in the place of the text. */
export function promptOfFlag(text: string, earlier: readonly string[] = []): string[] {
  if (!/^--[a-z][a-z-]*(?:=|$)/.test(text)) return [...earlier, text];
  throw new UsageError(
    `--prompt: expected a text, found the flag ${text}: give --prompt "" for the start token alone, and a text that ` +
      'is written so in a file of --prompts',
  );
}

/** @throws UsageError for words that no flag takes. */
export function refuseWords(words: readonly string[]): void {
  if (words.length === 0) return;
  throw new UsageError(
    `${quoted(words.join(' '))} belongs to no flag: quote a text of several words, as in --prompt "Once upon a time"`,
  );
}

/** @param params of prompts that bring none. @throws UsageError for a line that is none; it names file and line. */
export async function readPrompts(flags: PromptFlags, params: SamplingOptions): Promise<PromptEntry[]> {
  const { prompt: texts = [], prompts: file } = flags;
  if (texts.length === 0 && file === undefined) {
    throw new UsageError(
      'nothing to continue: give --prompt TEXT (an empty text stands for the start token alone) or --prompts FILE',
    );
  }
  const place = (i: number) => (texts.length === 1 ? '--prompt' : `--prompt number ${i + 1}`);
  const given = texts.map((prompt, i): PromptEntry => ({ prompt, params, place: place(i) }));
  return file === undefined ? given : [...given, ...(await readFile(file, params))];
}

async function readFile(file: string, params: SamplingOptions): Promise<PromptEntry[]> {
  const name = file === '-' ? 'standard input' : file;
  const text = toText(await buffer(file === '-' ? process.stdin : readBytes(file)), name);
  const entries = text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    return [parseLine(line, params, `${name}: line ${i + 1}`)];
  });
  if (entries.length > 0) return entries;
  throw new UsageError(`${name} has no prompts; expected lines such as {"prompt": "Once upon a time"}`);
}

/** @throws UsageError that names the first line that is not UTF-8. */
function toText(bytes: Uint8Array, name: string): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  let line = 1;
  // No character but the end of a line has its byte, so that each line can be judged alone.
  for (let start = 0; ; line++) {
    const end = bytes.indexOf(NEWLINE, start);
    if (!isUtf8(bytes.subarray(start, end < 0 ? undefined : end))) break;
    start = end + 1;
  }
  throw new UsageError(`${name}: line ${line}: not valid UTF-8; save the file as UTF-8`);
}

function parseLine(line: string, defaults: SamplingOptions, place: string): PromptEntry {
  const value = parseJson(line, place);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${place}: expected an object such as {"prompt": "…"}, found ${quoted(value)}`);
  }
  const { prompt, prompt_token_ids: ids, ...rest } = value as Record<string, unknown>;
  const params: Record<string, unknown> = {};
  for (const [key, given] of Object.entries(rest)) {
    const name = samplingKeys.get(key);
    if (name === undefined) throw unknownKey(key, place);
    if (given !== null) params[name] = given;
  }
  return {
    prompt: promptOf(prompt, ids, place),
    params: checkSampling({ ...defaults, ...params }, asKey, `${place}: `),
    place,
  };
}

function promptOf(prompt: unknown, ids: unknown, place: string): Prompt {
  if ((prompt === undefined) === (ids === undefined)) {
    const found = ids === undefined ? 'neither' : 'both';
    throw new UsageError(`${place}: expected prompt or prompt_token_ids, found ${found}`);
  }
  if (ids === undefined) {
    if (typeof prompt === 'string') return prompt;
    throw new UsageError(`${place}: prompt: expected text, found ${quoted(prompt)}`);
  }
  const isId = (id: unknown) => Number.isSafeInteger(id) && (id as number) >= 0;
  if (!Array.isArray(ids) || ids.length === 0 || !ids.every(isId)) {
    throw new UsageError(
      `${place}: prompt_token_ids: expected a list of at least one token id, found ${quoted(ids)}`,
    );
  }
  return { promptTokenIds: ids as number[] };
}

function parseJson(line: string, place: string): unknown {
  try {
    return JSON.parse(line.replace(/^\uFEFF/, ''));
  } catch (error) {
    // The parser quotes the text it stumbled over, which may be anything.
    const reason = (error as Error).message.replace(/[\s\p{C}]+/gu, ' ').slice(0, 100);
    throw new UsageError(`${place}: not JSON: ${reason}`);
  }
}

function unknownKey(key: string, place: string): UsageError {
  const known = ['prompt', 'prompt_token_ids', ...samplingKeys.keys()];
  const near = didYouMean(key, known);
  return new UsageError(
    `${place}: unknown key ${quoted(key)}${near ? `; did you mean ${near}?` : '.'} Known: ${known.join(', ')}`,
  );
}

/**
 * What can be known of a prompt once the model is: its token ids are the model's.
 * @throws UsageError that names its place.
 */
export function checkTokenIds(entries: readonly PromptEntry[], vocab: number): void {
  for (const { prompt, place } of entries) {
    if (typeof prompt === 'string') continue;
    const wrong = prompt.promptTokenIds.find(id => id >= vocab);
    if (wrong === undefined) continue;
    throw new UsageError(
      `${place}: prompt_token_ids: ${wrong} is no token of the model, whose ids are 0 to ${vocab - 1}; ` +
        'make them with its own tokenizer',
    );
  }
}
