import type { TokenSource } from '../../src/core/token-source.ts';

/** Token ids known so far. Reading further than they go is a bug of the reader, and throws. */
export class Text implements TokenSource {
  readonly ids: number[];

  constructor(ids: readonly number[]) {
    this.ids = [...ids];
  }

  at(position: number): number {
    const id = this.ids[position];
    if (id === undefined) throw new RangeError(`token ${position} of ${this.ids.length} is not known yet`);
    return id;
  }

  fork?(_index: number): Text {
    return new Text(this.ids);
  }

  /** The same text, of which samples only share the prompt. */
  withoutForks(): this {
    return Object.assign(this, { fork: undefined });
  }
}

/** `count` distinct token ids from `first` on: a text that shares nothing by chance. */
export function counting(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
