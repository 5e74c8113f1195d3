/** What a vocabulary is read from: the part of a tokenizer that spells tokens. */
export interface Spelling {
  /** Largest token id, plus one. */
  readonly size: number;
  /** Those that are no text. */
  readonly specialIds: ReadonlySet<number>;
  /** As the vocabulary spells it; undefined where there is none. */
  token(id: number): string | undefined;
}

/**
 * The bytes of all tokens as a trie: N nodes in the order of a walk, the root first. A walk that passes over a
 * subtree goes on at its `end`.
 */
export class Vocabulary {
  /** Token ids are below it. */
  readonly size: number;
  /** Bytes of the longest token. */
  readonly longest: number;
  /** [N] Byte on the way to the node. */
  readonly bytes: Uint8Array;
  /** [N] Bytes up to it. */
  readonly depths: Uint16Array;
  /** [N] First node that is not below it. */
  readonly ends: Uint32Array;
  /** [N] Token that ends here, −1 for none. Of several with the same bytes the first; `same` has the others. */
  readonly tokens: Int32Array;
  readonly same: ReadonlyMap<number, readonly number[]>;
  /** [N] Node above it. */
  readonly parents: Uint32Array;
  /** [N] All but the root, by their bytes; those of a byte from `byteStarts[byte]` on. */
  readonly byByte: Uint32Array;
  /** [257] */
  readonly byteStarts: Uint32Array;
  readonly #bytesOf: readonly (Uint8Array | undefined)[];

  /** @param bytesOf by id; undefined or empty for what is no text. */
  constructor(bytesOf: readonly (Uint8Array | undefined)[]) {
    this.#bytesOf = bytesOf;
    this.size = bytesOf.length;
    const ids = [...bytesOf.keys()].filter(id => (bytesOf[id]?.length ?? 0) > 0);
    // A letter for each byte: texts are compared much faster than arrays.
    const keys = bytesOf.map(bytes => (bytes ? String.fromCharCode(...bytes) : ''));
    ids.sort((a, b) => (keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b));
    const total = ids.reduce((sum, id) => sum + bytesOf[id]!.length, 1);
    const bytes = new Uint8Array(total);
    const depths = new Uint16Array(total);
    const ends = new Uint32Array(total);
    const tokens = new Int32Array(total).fill(-1);
    const parents = new Uint32Array(total);
    const same = new Map<number, number[]>();
    const path = [0];
    let before = new Uint8Array();
    let count = 1;
    for (const id of ids) {
      const now = bytesOf[id]!;
      let shared = 0;
      while (shared < before.length && shared < now.length && before[shared] === now[shared]) shared++;
      for (let i = before.length; i > shared; i--) ends[path.pop()!] = count;
      for (let i = shared; i < now.length; i++) {
        bytes[count] = now[i]!;
        parents[count] = path.at(-1)!;
        depths[count] = i + 1;
        path.push(count++);
      }
      const node = path.at(-1)!;
      if (tokens[node]! < 0) tokens[node] = id;
      else same.set(tokens[node]!, [...(same.get(tokens[node]!) ?? []), id]);
      before = now as Uint8Array<ArrayBuffer>;
    }
    for (const node of path) ends[node] = count;
    this.longest = ids.reduce((most, id) => Math.max(most, bytesOf[id]!.length), 0);
    this.bytes = bytes.slice(0, count);
    this.depths = depths.slice(0, count);
    this.ends = ends.slice(0, count);
    this.tokens = tokens.slice(0, count);
    this.same = same;
    this.parents = parents.slice(0, count);
    this.byteStarts = new Uint32Array(257);
    for (let node = 1; node < count; node++) this.byteStarts[bytes[node]! + 1]!++;
    for (let byte = 0; byte < 256; byte++) this.byteStarts[byte + 1]! += this.byteStarts[byte]!;
    const next = this.byteStarts.slice();
    this.byByte = new Uint32Array(count - 1);
    for (let node = 1; node < count; node++) this.byByte[next[bytes[node]!]!++] = node;
  }

  /** Of a tokenizer: of bytes (GPT-2, Llama 3, Qwen) or of pieces (SentencePiece), as its spelling shows. */
  static of(spelling: Spelling): Vocabulary {
    const tokens: (string | undefined)[] = [];
    for (let id = 0; id < spelling.size; id++) {
      tokens.push(spelling.specialIds.has(id) ? undefined : spelling.token(id));
    }
    const inPieces = tokens.some(token => token?.includes(SPACE));
    const bytesOf = inPieces ? pieceBytes : (token: string) => levelBytes(token) ?? encoder.encode(token);
    return new Vocabulary(tokens.map(token => (token === undefined ? undefined : bytesOf(token))));
  }

  /** N: the steps of a walk over all of it. */
  get nodes(): number {
    return this.bytes.length;
  }

  /** Undefined for what is no text. */
  bytesOf(id: number): Uint8Array | undefined {
    return this.#bytesOf[id];
  }

  /** The longest token among those that `may` be taken that the text begins with; undefined when there is none. */
  longestOf(text: readonly number[], may: (token: number) => boolean): number | undefined {
    const { bytes, ends, tokens } = this;
    let found: number | undefined;
    let parent = 0;
    for (const byte of text) {
      let node = parent + 1;
      while (node < ends[parent]! && bytes[node] !== byte) node = ends[node]!;
      if (node >= ends[parent]!) break;
      if (tokens[node]! >= 0 && may(tokens[node]!)) found = tokens[node]!;
      parent = node;
    }
    return found;
  }
}

const encoder = new TextEncoder();
/** SentencePiece's space. */
const SPACE = '\u2581';

function pieceBytes(token: string): Uint8Array {
  const byte = /^<0x([\dA-F]{2})>$/.exec(token);
  if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
  return encoder.encode(token.replaceAll(SPACE, ' '));
}

const printable: readonly (readonly [number, number])[] = [
  [0x21, 0x7e],
  [0xa1, 0xac],
  [0xae, 0xff],
];

/** GPT-2's letters for bytes: printable ones for themselves, the others from U+0100 on. */
const byteOfLetter = new Map<string, number>();
for (let byte = 0, others = 0; byte < 256; byte++) {
  const plain = printable.some(([first, last]) => byte >= first && byte <= last);
  byteOfLetter.set(String.fromCharCode(plain ? byte : 0x100 + others++), byte);
}

/** Undefined for what was added to the vocabulary as plain text. */
function levelBytes(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = byteOfLetter.get(token[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
