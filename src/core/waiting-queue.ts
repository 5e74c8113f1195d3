import type { HonestRequest, Request } from './request.ts';

/** Who is served first: negative when `a` goes before `b`. */
export type Compare = (a: HonestRequest, b: HonestRequest) => number;

/**
 * Requests that wait, first to be served at the head. Without `compare` it is first come, first served
 * and a preempted request returns to the head; with it every entry goes to its rank, so a preempted
 * request keeps only the seniority that the order itself gives it.
 */
export class WaitingQueue {
  #items: (Request | undefined)[] = [];
  /** Entries before it are gone; the array is compacted now and then, so that shift is O(1) amortised. */
  #head = 0;
  readonly #compare: Compare | undefined;

  constructor(compare?: Compare) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  peek(): Request | undefined {
    return this.#items[this.#head];
  }

  push(request: Request): void {
    if (this.#compare) this.#insert(request, this.#compare);
    else this.#items.push(request);
  }

  /** Puts back a request that was served before. */
  pushFront(request: Request): void {
    if (this.#compare) this.#insert(request, this.#compare);
    else if (this.#head > 0) this.#items[--this.#head] = request;
    else this.#items.unshift(request);
  }

  shift(): Request | undefined {
    const request = this.#items[this.#head];
    if (!request) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return request;
  }

  remove(request: Request): boolean {
    const at = this.#items.indexOf(request, this.#head);
    if (at < 0) return false;
    this.#items.splice(at, 1);
    return true;
  }

  /** Sorts what waits anew, for orders that depend on more than the requests (cached prefixes). Stable. */
  arrange(compare: Compare): void {
    this.#items = this.#items.slice(this.#head).sort((a, b) => compare(a!, b!));
    this.#head = 0;
  }

  *[Symbol.iterator](): Generator<Request, void, undefined> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i]!;
  }

  #insert(request: Request, compare: Compare): void {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare(this.#items[middle]!, request) <= 0) low = middle + 1;
      else high = middle;
    }
    this.#items.splice(low, 0, request);
  }
}
