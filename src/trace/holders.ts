import { FREE } from './recording.ts';

/** Who holds each block. One holder is the rule; the others of shared blocks are few, and kept aside. */
export class Holders {
  readonly #first: Int32Array;
  readonly #others = new Map<number, number[]>();

  constructor(numBlocks: number) {
    this.#first = new Int32Array(numBlocks).fill(FREE);
  }

  add(block: number, request: number): void {
    if (this.#first[block] === FREE) this.#first[block] = request;
    else {
      const others = this.#others.get(block);
      if (others) others.push(request);
      else this.#others.set(block, [request]);
    }
  }

  /** One sequence of the request lets go; the one that has held it longest among the others is then the owner. */
  remove(block: number, request: number): void {
    const others = this.#others.get(block);
    if (!others) {
      this.#first[block] = FREE;
      return;
    }
    const at = others.indexOf(request);
    if (at >= 0) others.splice(at, 1);
    else this.#first[block] = others.shift()!;
    if (others.length === 0) this.#others.delete(block);
  }

  /** FREE when nobody holds it. */
  owner(block: number): number {
    return this.#first[block]!;
  }

  refs(block: number): number {
    return this.#first[block] === FREE ? 0 : 1 + (this.#others.get(block)?.length ?? 0);
  }
}
