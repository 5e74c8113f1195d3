/** Texts one behind the other, as bytes: they go to another thread without a copy, and are read one by one. */
export interface TextTable {
  readonly bytes: Uint8Array;
  /** Text `i` is `[start[i], start[i + 1])`. */
  readonly start: Int32Array;
}

export function textTable(texts: readonly string[]): TextTable {
  const encoder = new TextEncoder();
  const start = new Int32Array(texts.length + 1);
  let bytes = new Uint8Array(texts.length * 32);
  let at = 0;
  for (const [i, text] of texts.entries()) {
    // A code unit of a string takes three bytes at most.
    if (at + text.length * 3 > bytes.length) {
      const larger = new Uint8Array(2 * (at + text.length * 3));
      larger.set(bytes.subarray(0, at));
      bytes = larger;
    }
    at += encoder.encodeInto(text, bytes.subarray(at)).written;
    start[i + 1] = at;
  }
  return { bytes: bytes.slice(0, at), start };
}

const decoder = new TextDecoder();

export const textOf = ({ bytes, start }: TextTable, index: number): string =>
  decoder.decode(bytes.subarray(start[index], start[index + 1]));

export const countOf = ({ start }: TextTable): number => start.length - 1;
