import { UsageError } from '../../core/errors.ts';

/** The first two turns. */
export interface Conversation {
  readonly prompt: string;
  readonly answer: string;
}

/**
 * The conversations of a ShareGPT file, a JSON list of `{conversations: [{value}, …]}`, those of one turn left out. The
 * public file is longer than a string may be, so its entries are cut out of the bytes and read one by one.
 *
 * @throws UsageError when it is another file.
 */
export async function readShareGpt(bytes: AsyncIterable<Uint8Array>, file: string): Promise<Conversation[]> {
  const found: Conversation[] = [];
  let entries = 0;
  for await (const text of entriesOf(bytes, file)) {
    entries++;
    const conversation = conversationOf(text, file, entries);
    if (conversation) found.push(conversation);
  }
  if (found.length === 0) {
    throw new UsageError(
      `${file}: ${entries} entries, and none has "conversations" of two or more turns; is this ShareGPT?`,
    );
  }
  return found;
}

function conversationOf(text: string, file: string, entry: number): Conversation | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UsageError(`${file}: entry ${entry} is not JSON; download or copy the file again`);
  }
  const turns = (value as { conversations?: unknown } | null)?.conversations;
  if (!Array.isArray(turns) || turns.length < 2) return undefined;
  const [prompt, answer] = (turns as ({ value?: unknown } | null)[]).map(turn => turn?.value);
  return typeof prompt === 'string' && typeof answer === 'string' ? { prompt, answer } : undefined;
}

/** The objects of a JSON list, as text. Brackets and quotes are ASCII, which no part of another UTF-8 character is. */
async function* entriesOf(
  bytes: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let depth = 0;
  let isText = false;
  let isEscaped = false;
  let pieces: Uint8Array[] = [];
  let any = false;
  for await (const chunk of bytes) {
    let start = depth >= 2 ? 0 : -1;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (isText) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) isText = false;
        continue;
      }
      if (!any && !isBlank(byte)) {
        if (byte !== OPEN_LIST) throw notAList(file);
        any = true;
      }
      if (byte === QUOTE) isText = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        if (++depth === 2) start = i;
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        if (--depth === 1) {
          pieces.push(chunk.subarray(start, i + 1));
          yield decoder.decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
          pieces = [];
          start = -1;
        }
      }
    }
    if (depth >= 2) pieces.push(chunk.slice(start));
  }
  if (!any) throw notAList(file);
  if (depth !== 0)
    throw new UsageError(`${file}: ends in the middle of an entry; download or copy the file again`);
}

function notAList(file: string): UsageError {
  return new UsageError(`${file}: expected a JSON list of conversations, as ShareGPT's file is`);
}

/** A byte-order mark counts as one. */
const isBlank = (byte: number) => byte <= 32 || byte === 0xef || byte === 0xbb || byte === 0xbf;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
