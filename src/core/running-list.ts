import type { DecodeSet } from './decode-set.ts';
import { invariant } from './invariant.ts';
import type { KvMemory } from './kv-memory.ts';
import type { Request } from './request.ts';
import type { Tokens } from './units.ts';

/**
 * Requests that hold memory, in order of admission, and what is counted over them. Those in a `DecodeSet`
 * are marked by their clock; they stay in the list, and their place in it is their place in every order.
 */
export class RunningList {
  readonly requests: Request[] = [];
  readonly decodes: DecodeSet | undefined;
  readonly #memory: KvMemory;
  /** Sequences, those included that samples will be forked into. */
  rows = 0;
  /** Requests that have ended but are held by their static batch. */
  held = 0;
  #admissions = 0;

  constructor(memory: KvMemory, decodes: DecodeSet | undefined) {
    this.#memory = memory;
    // What loses or copies memory as it grows is advanced one by one.
    if (!decodes || memory.trims || memory.kind === 'padded') return;
    this.decodes = decodes;
    if (memory.kind === 'paged') decodes.usePhases(memory.blockSize);
  }

  add(request: Request): void {
    request.status = 'running';
    request.order = this.#admissions++;
    this.requests.push(request);
    this.rows += rowsOf(request);
  }

  /** Takes out one that has not ended. */
  remove(request: Request): void {
    this.requests.splice(this.requests.indexOf(request), 1);
    this.rows -= rowsOf(request);
  }

  /** Takes out all that have no sequence left, in order. */
  removeEnded(): Request[] {
    const ended: Request[] = [];
    let kept = 0;
    for (const request of this.requests) {
      if (request.seqs.length === 0) ended.push(request);
      else this.requests[kept++] = request;
    }
    this.requests.length = kept;
    this.held = 0;
    return ended;
  }

  /** Marks those that have no sequence left; true when nobody else is in the list. */
  holdEnded(): boolean {
    this.held = 0;
    for (const request of this.requests) {
      if (request.seqs.length > 0) continue;
      request.status = 'held';
      this.held++;
    }
    return this.held === this.requests.length;
  }

  /** From now on the request decodes with the set, until it has `outputLimit` tokens. */
  join(request: Request, outputLimit: Tokens): void {
    if (request.width === 1) this.decodes?.join(request, outputLimit);
  }

  leave(request: Request): void {
    if (!request.clock) return;
    this.#memory.settle(request);
    this.decodes!.leave(request);
  }

  leaveAll(): void {
    for (const request of this.requests) this.leave(request);
  }

  /** Where the requests outside the set begin; undefined when one of them stands among those of the set. */
  get firstNamed(): number | undefined {
    const { requests } = this;
    const size = this.decodes?.size ?? 0;
    if (size === 0) return 0;
    let from = requests.length;
    let named = 0;
    while (from > 0 && !requests[from - 1]!.clock) if (requests[--from]!.status !== 'held') named++;
    return named === requests.length - size - this.held ? from : undefined;
  }

  checkIntegrity(): void {
    const rows = this.requests.reduce((sum, request) => sum + rowsOf(request), 0);
    invariant(rows === this.rows, () => `${rows} sequences run, the counter says ${this.rows}`);
    const together = this.requests.filter(request => request.clock).length;
    invariant(
      together === (this.decodes?.size ?? 0),
      () => `${together} requests carry the clock of the decode set`,
    );
    for (const [i, request] of this.requests.entries()) {
      const { id, status, order, numComputedTokens, numTokens } = request;
      invariant(
        status === 'running' || status === 'held',
        () => `request ${id} is ${status} but in the running list`,
      );
      invariant(i === 0 || this.requests[i - 1]!.order < order, () => `request ${id} is out of order`);
      invariant(
        numComputedTokens <= numTokens,
        () => `request ${id} has computed ${numComputedTokens} of ${numTokens} tokens`,
      );
    }
  }
}

/** Sequences that a request runs, or will run once its samples are forked. */
export function rowsOf({ seqs, width, numOutputTokens }: Request): number {
  const forks = numOutputTokens === 0 && seqs.length > 0;
  return forks ? Math.max(width, seqs.length) : seqs.length;
}

/** Sorted as the running list is. */
export function inOrder(requests: readonly Request[]): readonly Request[] {
  const sorted = requests.slice();
  // By insertion: a few that are nearly in order already.
  for (let i = 1; i < sorted.length; i++) {
    const request = sorted[i]!;
    let at = i;
    while (at > 0 && sorted[at - 1]!.order > request.order) sorted[at] = sorted[--at]!;
    sorted[at] = request;
  }
  return sorted;
}
