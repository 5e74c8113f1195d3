interface Tables {
  /** In the order in which they were first entered. */
  readonly sequences: number[];
  readonly blocks: number[][];
}

/** Block tables as their entries make them, one by one, and how many of them name each block. */
export class TableState {
  readonly refs: Int32Array;
  /** By request: few are under way at a time. */
  readonly #tables = new Map<number, Tables>();

  constructor(numBlocks: number) {
    this.refs = new Int32Array(numBlocks);
  }

  /** The block that an entry names; −1: none. */
  at(request: number, sequence: number, index: number): number {
    const tables = this.#tables.get(request);
    const place = tables === undefined ? -1 : tables.sequences.indexOf(sequence);
    return place < 0 ? -1 : (tables!.blocks[place]![index] ?? -1);
  }

  /** Tables of a request; some may name no block any more. */
  of(request: number): readonly (readonly number[])[] {
    return this.#tables.get(request)?.blocks ?? none;
  }

  /** @returns what the entry named before. */
  set(request: number, sequence: number, index: number, block: number): number {
    let tables = this.#tables.get(request);
    if (!tables) this.#tables.set(request, (tables = { sequences: [], blocks: [] }));
    let place = tables.sequences.indexOf(sequence);
    if (place < 0) {
      place = tables.sequences.push(sequence) - 1;
      tables.blocks.push([]);
    }
    const table = tables.blocks[place]!;
    const before = table[index] ?? -1;
    table[index] = block;
    if (before >= 0) this.refs[before]!--;
    if (block >= 0) this.refs[block]!++;
    return before;
  }

  /** No entry of the request will come any more. */
  forget(request: number): void {
    this.#tables.delete(request);
  }
}

const none: readonly (readonly number[])[] = [];
