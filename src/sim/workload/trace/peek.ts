import { UsageError } from '../../../core/errors.ts';

export interface Peeked {
  /** The text's beginning: its first line that is not blank and what came with it, 1 MiB at most. */
  readonly beginning: string;
  /** All bytes, those looked at included. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** For when `bytes` will not be read. */
  close(): Promise<void>;
}

/** Looks at how a text begins. Throws `UsageError` when it is compressed. */
export async function peek(bytes: AsyncIterable<Uint8Array>, file: string): Promise<Peeked> {
  const source = bytes[Symbol.asyncIterator]();
  const seen: Uint8Array[] = [];
  const decoder = new TextDecoder();
  let beginning = '';
  // A short first line ("{" of an indented JSON) says nothing: look on to 4 KiB.
  while (beginning.length < MAX_CHARACTERS && !(beginning.length >= 4096 && hasLine(beginning))) {
    const next = await source.next();
    if (next.done) break;
    seen.push(next.value);
    beginning += decoder.decode(next.value.subarray(0, MAX_CHARACTERS), { stream: true });
  }
  const [first = 0, second = 0] = seen.find(chunk => chunk.length > 0) ?? [];
  const close = async () => {
    await source.return?.();
  };
  if (first === 0x1f && second === 0x8b) {
    await close();
    throw new UsageError(`${file}: is compressed by gzip; decompress it first`);
  }
  return { beginning: beginning.slice(0, MAX_CHARACTERS), bytes: spliced(seen, source), close };
}

async function* spliced(
  seen: readonly Uint8Array[],
  source: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* seen;
    for (let next = await source.next(); !next.done; next = await source.next()) yield next.value;
  } finally {
    // Whoever stops early (a limit, a bad row) must close the file too.
    await source.return?.();
  }
}

function hasLine(text: string): boolean {
  return text.trimStart().includes('\n');
}

const MAX_CHARACTERS = 2 ** 20;
