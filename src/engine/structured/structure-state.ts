import { UsageError } from '../../core/errors.ts';
import { derive, nullable } from './derive.ts';
import type { Expr } from './expr.ts';
import type { CompiledStructure } from './structure-compiler.ts';
import { addToken, hasToken, type TokenMask } from './token-mask.ts';
import { walkWork } from './token-masks.ts';
import { Overrun } from './work.ts';

/**
 * Units of work that each token adds to what a sample may take, on average some milliseconds, beside a walk over the
 * vocabulary: one state more, one mask more.
 */
const WORK_PER_TOKEN = 10_000;
/** What it may take at once beyond that, some 40 ms: others wait for it. */
const WORK_AHEAD = 150_000;
const WALKS_AHEAD = 4;

/** How far one sample has come in its structure. It follows the tokens alone: what is computed again does not count. */
export class StructureState {
  readonly #compiled: CompiledStructure;
  readonly #endIds: readonly number[];
  #state: Expr;
  #allowed: TokenMask | undefined;
  readonly #ahead: number;
  #left: number;
  #broken: string | undefined;

  /**
   * @param endIds tokens without text by which an output may end.
   * @throws UsageError when no token can begin it: the vocabulary lacks what it asks for.
   */
  constructor(compiled: CompiledStructure, endIds: readonly number[]) {
    this.#compiled = compiled;
    this.#ahead = WORK_AHEAD + WALKS_AHEAD * walkWork(compiled.vocabulary);
    this.#left = this.#ahead;
    this.#endIds = endIds.filter(id => !compiled.vocabulary.bytesOf(id)?.length);
    this.#state = compiled.start;
    this.#look();
    if (this.#broken !== undefined) throw new UsageError(this.#broken);
  }

  /** Why it cannot go on, though it is not complete; no token is allowed then. */
  get broken(): string | undefined {
    return this.#broken;
  }

  /** Whether the text so far fits. */
  get complete(): boolean {
    return nullable(this.#state);
  }

  /** Complete, and no text may follow. */
  get over(): boolean {
    return this.complete && !this.#goesOn();
  }

  /** No token may come next: it is over where there is no end to draw, or broken. */
  get stuck(): boolean {
    return this.#broken !== undefined || (this.#endIds.length === 0 && this.over);
  }

  /** Tokens that may come next, ends among them where it is complete. Not to be changed. */
  get allowed(): TokenMask {
    return (this.#allowed ??= this.#withEnds());
  }

  /** The next token on a short way to the end, as long as there is one; undefined where none is seen. */
  get hurried(): number | undefined {
    const { endings, vocabulary } = this.#compiled;
    const allowed = this.allowed;
    return vocabulary.longestOf(endings.of(this.#state, vocabulary.longest), id => hasToken(allowed, id));
  }

  /** A token was drawn; an end is not told. */
  push(token: number): void {
    if (this.#broken !== undefined) return;
    const { exprs, vocabulary } = this.#compiled;
    this.#allowed = undefined;
    this.#left = Math.min(this.#ahead, this.#left + WORK_PER_TOKEN + walkWork(vocabulary));
    this.#measured(() => {
      const bytes = vocabulary.bytesOf(token) ?? [];
      let state = bytes.length === 0 ? exprs.never : this.#state;
      for (const byte of bytes) state = derive(exprs, state, byte);
      this.#state = state;
    });
    if (this.#state === exprs.never) this.#broken ??= `token ${token} does not fit the structure`;
    else this.#look();
  }

  /** Finds the next tokens while an overrun can still be told. */
  #look(): void {
    this.#measured(() => {
      // Asked for in any case: later the mask is known, and its work has been counted.
      if (this.#goesOn() || this.complete) return;
      this.#broken = 'the vocabulary has no token that the structure could go on with';
    });
  }

  #goesOn(): boolean {
    const { masks } = this.#compiled;
    return masks.of(this.#state).some(word => word !== 0);
  }

  #measured(act: () => void): void {
    const { work } = this.#compiled.exprs;
    const before = work.done;
    try {
      work.within(this.#left, act);
    } catch (error) {
      if (!(error instanceof Overrun)) throw error;
      this.#broken = 'the structure is too ambiguous: it takes too much work to go on with it';
    }
    this.#left -= work.done - before;
  }

  #withEnds(): TokenMask {
    const { masks, vocabulary } = this.#compiled;
    const mask = masks.of(this.#state);
    if (!this.complete) return mask;
    const most = this.#endIds.reduce((most, id) => Math.max(most, id + 1), vocabulary.size);
    const whole = new Uint32Array(Math.ceil(most / 32));
    whole.set(mask);
    for (const id of this.#endIds) addToken(whole, id);
    return whole;
  }
}
