import type { Request } from './request.ts';
import type { Tokens } from './units.ts';

/** Ticks once a step for all requests that decode together; their counts are read relative to it. */
export interface DecodeClock {
  computed: Tokens;
  outputs: Tokens;
}

/**
 * Requests that do nothing but decode: one sequence, one token a step, no decision about any of them.
 * A simulation advances them together. A step then costs what changes (blocks entered, requests that
 * end) and not what stays the same, and nothing else can tell: block ids, their order and every count
 * are those of requests advanced one by one.
 */
export class DecodeSet {
  readonly clock: DecodeClock = { computed: 0, outputs: 0 };
  size = 0;
  /** Σ tokens computed over the set. */
  contextTokens: Tokens = 0;
  /** Those that joined since the last step. */
  joined: Request[] = [];
  readonly #maxOutputs: (request: Request) => Tokens;
  /** By position in the block being written, relative to the clock; empty where memory is reserved ahead. */
  #byPhase: Request[][] = [];
  /** By the reading of `clock.outputs` at which they end (`Request.endTick`). */
  readonly #ends = new Map<number, Request[]>();

  /** @param maxOutputs the number of output tokens after which a request ends by itself, if that is known. */
  constructor(maxOutputs: (request: Request) => Tokens) {
    this.#maxOutputs = maxOutputs;
  }

  /** Sets the number of slots of a block, for memory that is claimed block by block. */
  usePhases(blockSize: Tokens): void {
    this.#byPhase = Array.from({ length: blockSize }, () => []);
  }

  join(request: Request, outputLimit: Tokens): void {
    const left = Math.min(outputLimit, this.#maxOutputs(request)) - request.numOutputTokens;
    request.endTick = this.clock.outputs + left;
    const others = this.#ends.get(request.endTick);
    if (others) others.push(request);
    else this.#ends.set(request.endTick, [request]);
    this.contextTokens += request.numComputedTokens;
    this.#phaseOf(request)?.push(request);
    request.clock = this.clock;
    this.size++;
    this.joined.push(request);
  }

  leave(request: Request): void {
    removeFrom(this.#phaseOf(request), request);
    const ending = this.#ends.get(request.endTick);
    removeFrom(ending, request);
    if (ending?.length === 0) this.#ends.delete(request.endTick);
    this.contextTokens -= request.numComputedTokens;
    request.clock = undefined;
    this.size--;
    if (this.joined.includes(request)) this.joined = this.joined.filter(other => other !== request);
  }

  /** Requests whose next token is the first of a block. */
  entering(): readonly Request[] {
    return this.#phaseAt(0);
  }

  /** Requests whose next token is the last of a block. */
  filling(): readonly Request[] {
    return this.#phaseAt(this.#byPhase.length - 1);
  }

  /** Requests that end when the step's token is booked. */
  ending(): readonly Request[] {
    return this.#ends.get(this.clock.outputs + 1)?.slice() ?? none;
  }

  tickComputed(): void {
    this.clock.computed++;
    this.contextTokens += this.size;
    if (this.joined.length > 0) this.joined = [];
  }

  tickOutputs(): void {
    this.clock.outputs++;
  }

  #phaseAt(position: number): readonly Request[] {
    const size = this.#byPhase.length;
    return size === 0 ? none : this.#byPhase[(position + size - (this.clock.computed % size)) % size]!;
  }

  #phaseOf(request: Request): Request[] | undefined {
    const size = this.#byPhase.length;
    if (size === 0) return undefined;
    return this.#byPhase[(((request.numComputedTokens - this.clock.computed) % size) + size) % size]!;
  }
}

const none: readonly Request[] = [];

function removeFrom(list: Request[] | undefined, request: Request): void {
  list?.splice(list.indexOf(request), 1);
}
