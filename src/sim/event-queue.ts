import TinyQueue from 'tinyqueue';
import type { Seconds } from '../core/units.ts';

interface Entry<T> {
  readonly time: Seconds;
  readonly sequence: number;
  readonly value: T;
}

/** What will happen, by time; equal times in the order they were put in (a heap alone is not stable). */
export class EventQueue<T> {
  readonly #heap = new TinyQueue<Entry<T>>([], (a, b) => a.time - b.time || a.sequence - b.sequence);
  #sequence = 0;

  get nextTime(): Seconds {
    return this.#heap.peek()?.time ?? Number.POSITIVE_INFINITY;
  }

  peek(): T | undefined {
    return this.#heap.peek()?.value;
  }

  push(time: Seconds, value: T): void {
    this.#heap.push({ time, sequence: this.#sequence++, value });
  }

  pop(): T | undefined {
    return this.#heap.pop()?.value;
  }
}
