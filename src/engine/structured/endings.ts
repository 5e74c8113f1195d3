import type { ByteSet } from './byte-set.ts';
import { hasByte } from './byte-set.ts';
import type { Expr } from './expr.ts';
import { type Lengths, leastLength } from './least-length.ts';

/** How outputs may come to their end without a detour. */
export class Endings {
  readonly #lengths: Lengths = new Map();

  /**
   * The beginning of a text that completes the expression, as short as `leastLength` knows of. Where an intersection
   * is part of it, it may not fit.
   * @param most bytes that are wanted.
   */
  of(expr: Expr, most: number): readonly number[] {
    const bytes: number[] = [];
    // What comes next is at the end.
    const open = [expr];
    for (let next = open.pop(); next && bytes.length < most; next = open.pop()) {
      switch (next.kind) {
        case 'bytes':
          bytes.push(plainest(next.set));
          break;
        case 'literal':
          bytes.push(...next.bytes.subarray(next.from, next.from + most - bytes.length));
          break;
        case 'seq':
          open.push(next.then, next.first);
          break;
        case 'alt':
          open.push(this.#shortest(next.members));
          break;
        case 'repeat':
          if (this.#length(next.of) > 0)
            for (let i = Math.min(next.min, most); i > 0; i--) open.push(next.of);
          break;
        case 'both':
          open.push(this.#length(next.other) > this.#length(next.one) ? next.other : next.one);
          break;
        case 'except':
          open.push(next.one);
          break;
        case 'rule':
          open.push(next.body!);
          break;
        case 'never':
        case 'empty':
          break;
      }
    }
    return bytes;
  }

  #length(expr: Expr): number {
    return leastLength(expr, this.#lengths);
  }

  #shortest(members: readonly Expr[]): Expr {
    return members.reduce((best, member) => (this.#length(member) < this.#length(best) ? member : best));
  }
}

/** The first that can be read, where there is one. */
function plainest(set: ByteSet): number {
  for (let i = 0; ; i++) {
    const byte = (i + 0x20) & 0xff;
    if (hasByte(set, byte)) return byte;
  }
}
