/** Block tables as their entries make them, one by one, and how many of them name each block. */
export class TableState {
  readonly refs: Int32Array;
  /** By request, then by sequence. */
  readonly #tables: Map<number, number[]>[];

  constructor(requests: number, numBlocks: number) {
    this.refs = new Int32Array(numBlocks);
    this.#tables = Array.from({ length: requests }, () => new Map());
  }

  /** The block that an entry names; −1: none. */
  at(request: number, sequence: number, index: number): number {
    return this.#tables[request]!.get(sequence)?.[index] ?? -1;
  }

  /** Tables of a request; some may name no block any more. */
  of(request: number): Iterable<readonly number[]> {
    return this.#tables[request]!.values();
  }

  /** @returns what the entry named before. */
  set(request: number, sequence: number, index: number, block: number): number {
    const tables = this.#tables[request]!;
    let table = tables.get(sequence);
    if (!table) tables.set(sequence, (table = []));
    const before = table[index] ?? -1;
    table[index] = block;
    if (before >= 0) this.refs[before]!--;
    if (block >= 0) this.refs[block]!++;
    return before;
  }
}
