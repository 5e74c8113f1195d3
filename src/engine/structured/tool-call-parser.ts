import { JsonEnd } from './json-end.ts';

/** How Hermes and Qwen models write calls: one JSON object between two tags. */
export const TOOL_CALL_BEGIN = '<tool_call>';
export const TOOL_CALL_END = '</tool_call>';

/** A call as OpenAI's chat completions have it. */
export interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

/** A piece of a call as their streams have it: the first has id, type and name, the others more of the arguments. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: 'function';
  readonly function: { readonly name?: string; readonly arguments?: string };
}

/** What a piece of text brought. */
export interface ToolDelta {
  readonly content: string;
  readonly toolCalls: readonly ToolCallDelta[];
}

/** The usual order; others are read when the call is complete. */
const header = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*/s;

/**
 * Finds calls in an output, as its text comes. Arguments are passed on as they come; what looks like a call and is
 * none is text.
 */
export class ToolCallParser {
  readonly #newId: () => string;
  /** Text that is not given out: what may be the beginning of a tag, or the inside of a call. */
  #held = '';
  #inCall = false;
  /** White space before the call that is open. */
  #gap = '';
  /** Of the call that is open, once its name is known: where its arguments end. */
  #arguments: JsonEnd | undefined;
  #calls = 0;
  #content = '';
  #deltas: ToolCallDelta[] = [];

  /** @param newId an id for each call. */
  constructor(newId: () => string) {
    this.#newId = newId;
  }

  /** Calls begun so far: with any, the finish reason is `tool_calls` and not `stop`. */
  get calls(): number {
    return this.#calls;
  }

  push(text: string): ToolDelta {
    this.#held += text;
    while (this.#inCall ? this.#readCall() : this.#readText());
    return this.#take();
  }

  /** No text follows: what was held back is none of a call. */
  end(): ToolDelta {
    if (this.#inCall && !this.#arguments && !this.#whole(this.#held)) {
      this.#content += this.#gap + TOOL_CALL_BEGIN + this.#held;
    } else if (!this.#inCall) this.#say(this.#held);
    this.#held = '';
    return this.#take();
  }

  #take(): ToolDelta {
    const delta = { content: this.#content, toolCalls: this.#deltas };
    this.#content = '';
    this.#deltas = [];
    return delta;
  }

  /** Text up to the next tag; true when there is one. */
  #readText(): boolean {
    const at = this.#held.indexOf(TOOL_CALL_BEGIN);
    if (at >= 0) {
      const before = this.#held.slice(0, at);
      this.#say(before.trimEnd());
      this.#gap = before.slice(before.trimEnd().length);
      this.#held = this.#held.slice(at + TOOL_CALL_BEGIN.length);
      this.#inCall = true;
      return true;
    }
    // White space before a call belongs to neither.
    const sure = this.#held.slice(0, this.#held.length - overlap(this.#held, TOOL_CALL_BEGIN)).trimEnd();
    this.#say(sure);
    this.#held = this.#held.slice(sure.length);
    return false;
  }

  #say(text: string): void {
    if (this.#calls === 0 || text.trim() !== '') this.#content += text;
  }

  /** The inside of a call; true when it is over. */
  #readCall(): boolean {
    if (!this.#arguments) this.#readHeader();
    if (this.#arguments) this.#readArguments(this.#arguments);
    if (this.#arguments && !this.#arguments.over) return false;
    const at = this.#held.indexOf(TOOL_CALL_END);
    if (at < 0) return false;
    const inside = this.#held.slice(0, at);
    this.#held = this.#held.slice(at + TOOL_CALL_END.length);
    if (!this.#arguments && !this.#whole(inside))
      this.#content += this.#gap + TOOL_CALL_BEGIN + inside + TOOL_CALL_END;
    this.#arguments = undefined;
    this.#inCall = false;
    return true;
  }

  #readHeader(): void {
    const match = header.exec(this.#held);
    // An empty rest may still be white space.
    if (!match || match[0].length === this.#held.length) return;
    const name = parsed(match[1]!);
    if (typeof name !== 'string') return;
    this.#held = this.#held.slice(match[0].length);
    this.#arguments = new JsonEnd();
    this.#begin(name, '');
  }

  #readArguments(end: JsonEnd): void {
    if (end.over) return;
    const length = end.read(this.#held);
    if (length === 0) return;
    const piece = this.#held.slice(0, length);
    this.#deltas.push({ index: this.#calls - 1, function: { arguments: piece } });
    this.#held = this.#held.slice(length);
  }

  /** A call in another order of its keys; false when it is none. */
  #whole(text: string): boolean {
    const call = parsed(text);
    if (typeof call !== 'object' || call === null) return false;
    const name = Reflect.get(call, 'name');
    const given = Reflect.get(call, 'arguments') ?? Reflect.get(call, 'parameters');
    if (typeof name !== 'string' || given === undefined) return false;
    this.#begin(name, JSON.stringify(given));
    return true;
  }

  #begin(name: string, given: string): void {
    const index = this.#calls++;
    this.#deltas.push({ index, id: this.#newId(), type: 'function', function: { name, arguments: given } });
  }
}

/** All of an output at once. `content` is null where there is nothing but calls. */
export function parseToolCalls(
  text: string,
  newId: () => string,
): { readonly content: string | null; readonly toolCalls: readonly ToolCall[] } {
  const parser = new ToolCallParser(newId);
  const deltas = [parser.push(text), parser.end()];
  const calls: { id: string; type: 'function'; function: { name: string; arguments: string } }[] = [];
  for (const { index, id, function: part } of deltas.flatMap(delta => delta.toolCalls)) {
    calls[index] ??= { id: id!, type: 'function', function: { name: part.name!, arguments: '' } };
    calls[index]!.function.arguments += part.arguments ?? '';
  }
  const content = deltas.map(delta => delta.content).join('');
  return { content: calls.length > 0 && content === '' ? null : content, toolCalls: calls };
}

/** Characters at the end of a text that a tag may begin with. */
function overlap(text: string, tag: string): number {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
