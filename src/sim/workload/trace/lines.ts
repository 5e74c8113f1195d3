import { UsageError } from '../../../core/errors.ts';

/** Some consecutive lines of a text, without their line ends. */
export interface LineBatch {
  /** Number of the first one; a file's first line is 1. */
  readonly first: number;
  readonly texts: readonly string[];
}

/**
 * The lines of a UTF-8 text as it streams in, in bounded memory. Ends of lines are LF or CRLF; a byte-order
 * mark is dropped; the last line may lack its end.
 *
 * @param maxLine the longest line allowed, in UTF-16 units: what guards the memory against a file that is
 *   not a trace at all.
 * @throws UsageError naming `file` when a line is longer, or the bytes are not UTF-8.
 */
export async function* lines(
  bytes: AsyncIterable<Uint8Array>,
  file: string,
  maxLine = 64 * 1024 * 1024,
): AsyncGenerator<LineBatch, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let number = 1;
  let rest = '';
  const decode = (input: Uint8Array | undefined): string => {
    try {
      return input ? decoder.decode(input, { stream: true }) : decoder.decode();
    } catch {
      throw new UsageError(`${file}: line ${number} or one soon after it is not UTF-8 text`);
    }
  };
  for await (const chunk of bytes) {
    for (let from = 0; from < chunk.length; from += SLICE) {
      const texts = decode(chunk.subarray(from, from + SLICE)).split('\n');
      // Joined once per line end, so a line in many pieces costs no more than its length.
      texts[0] = rest + texts[0];
      const tooLong = texts.findIndex(text => text.length > maxLine);
      if (tooLong >= 0) {
        throw new UsageError(
          `${file}: line ${number + tooLong} is longer than ${maxLine} characters; is this a trace?`,
        );
      }
      rest = texts.pop()!;
      if (texts.length === 0) continue;
      yield { first: number, texts: texts.map(withoutReturn) };
      number += texts.length;
    }
  }
  rest += decode(undefined);
  if (rest !== '') yield { first: number, texts: [withoutReturn(rest)] };
}

function withoutReturn(text: string): string {
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

/** Bytes decoded at a time: keeps a batch, and so a chunk of arrivals, to a few thousand lines. */
const SLICE = 32 * 1024;
