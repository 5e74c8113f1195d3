import { type ByteClasses, byteClasses, splits } from './byte-classes.ts';
import { addByte, type ByteSet, bytesIn, keyOf } from './byte-set.ts';
import type { Expr, Rule } from './expr.ts';
import type { Work } from './work.ts';

type Unmade<T> = T extends unknown ? Omit<T, 'id' | 'next' | 'nullable' | 'alive'> : never;
type Made = Unmade<Expr>;

const encoder = new TextEncoder();
/** A letter for each byte. */
const letters = new TextDecoder('latin1');
/** Units for each expression: it is allocated, and found by its parts. */
const MAKE_WORK = 6;
/** Units for each set of bytes. */
const CLASSIFY_WORK = 50;

/**
 * Makes expressions. The same parts give the same object, in normal form: alternatives are a set, and sequences lean
 * to the right. So derivatives of a regular expression are finitely many objects, and can be known by them.
 */
export class Exprs {
  readonly never: Expr;
  readonly empty: Expr;
  readonly rules: Rule[] = [];
  readonly work: Work;
  readonly #known = new Map<string, Expr>();
  readonly #literals = new Map<string, number>();
  readonly #sets = new Map<string, ByteSet>();
  readonly #single = bytesIn();
  /** Known until there is a new set. */
  #classes: ByteClasses | undefined;
  /** Those with derivatives, which are kept by class. */
  #derived: Expr[] = [];
  #size = 0;

  constructor(work: Work) {
    this.work = work;
    this.never = this.#make({ kind: 'never' });
    this.empty = this.#make({ kind: 'empty' });
  }

  /** Expressions made so far. */
  get size(): number {
    return this.#size;
  }

  bytes(set: ByteSet): Expr {
    const key = keyOf(set);
    if (key === '') return this.never;
    if (!this.#sets.has(key)) {
      this.#sets.set(key, set);
      this.#classify(set);
    }
    return this.#get(`b${key}`, () => ({ kind: 'bytes', set }));
  }

  /** The UTF-8 of a text. */
  text(text: string): Expr {
    return this.literal(encoder.encode(text));
  }

  literal(bytes: Uint8Array): Expr {
    if (bytes.length === 0) return this.empty;
    const text = letters.decode(bytes);
    let literal = this.#literals.get(text);
    if (literal === undefined) {
      this.#literals.set(text, (literal = this.#literals.size));
      for (const byte of bytes) {
        addByte(this.#single, byte);
        this.#classify(bytesIn([byte, byte]));
      }
    }
    return this.#get(`l${literal},0`, () => ({ kind: 'literal', bytes, from: 0 }));
  }

  /** What follows the first byte of a literal. */
  rest(literal: Extract<Expr, { kind: 'literal' }>): Expr {
    const { bytes, from } = literal;
    if (from + 1 === bytes.length) return this.empty;
    return this.#get(`r${literal.id}`, () => ({ kind: 'literal', bytes, from: from + 1 }));
  }

  seq(...parts: readonly Expr[]): Expr {
    let whole = this.empty;
    for (let i = parts.length - 1; i >= 0; i--) whole = this.#pair(parts[i]!, whole);
    return whole;
  }

  #pair(first: Expr, then: Expr): Expr {
    if (first === this.never || then === this.never) return this.never;
    if (first === this.empty) return then;
    if (then === this.empty) return first;
    if (first.kind !== 'seq') return this.#seq(first, then);
    const heads: Expr[] = [];
    let rest: Expr = first;
    for (; rest.kind === 'seq'; rest = rest.then) heads.push(rest.first);
    let whole = this.#seq(rest, then);
    for (let i = heads.length - 1; i >= 0; i--) whole = this.#seq(heads[i]!, whole);
    return whole;
  }

  #seq(first: Expr, then: Expr): Expr {
    return this.#get(`s${first.id},${then.id}`, () => ({ kind: 'seq', first, then }));
  }

  alt(...members: readonly Expr[]): Expr {
    return this.union(members);
  }

  union(parts: Iterable<Expr>): Expr {
    const set = new Set<Expr>();
    for (const part of parts) {
      if (part.kind === 'alt') for (const member of part.members) set.add(member);
      else if (part !== this.never) set.add(part);
    }
    if (set.size === 0) return this.never;
    const members = [...set];
    if (members.length === 1) return members[0]!;
    this.work.spend(members.length);
    members.sort((a, b) => a.id - b.id);
    return this.#get(`a${members.map(({ id }) => id).join()}`, () => ({ kind: 'alt', members }));
  }

  optional(expr: Expr): Expr {
    return this.repeat(expr, 0, 1);
  }

  /** @param max may be infinite. */
  repeat(of: Expr, min: number, max: number): Expr {
    if (max === 0 || of === this.empty) return this.empty;
    if (of === this.never) return min === 0 ? this.empty : this.never;
    if (min === 1 && max === 1) return of;
    // As often as one likes, so often as one likes.
    if (of.kind === 'repeat' && of.min === 0 && of.max === Number.POSITIVE_INFINITY) return of;
    return this.#get(`x${of.id},${min},${max}`, () => ({ kind: 'repeat', of, min, max }));
  }

  both(one: Expr, other: Expr): Expr {
    if (one === this.never || other === this.never) return this.never;
    if (one === other) return one;
    return this.#get(`i${one.id},${other.id}`, () => ({ kind: 'both', one, other }));
  }

  except(one: Expr, other: Expr): Expr {
    if (one === this.never || one === other) return this.never;
    if (other === this.never) return one;
    return this.#get(`e${one.id},${other.id}`, () => ({ kind: 'except', one, other }));
  }

  /** Its body comes later. */
  rule(name: string): Rule {
    const rule = this.#make({ kind: 'rule', name, body: undefined, least: undefined }) as Rule;
    this.rules.push(rule);
    return rule;
  }

  get classes(): ByteClasses {
    if (this.#classes) return this.#classes;
    this.work.spend(CLASSIFY_WORK * (this.#sets.size + 1));
    return (this.#classes = byteClasses(this.#sets.values(), this.#single));
  }

  /** Where derivatives of the expression are kept, by class. */
  nextOf(expr: Expr): (Expr | undefined)[] {
    if (expr.next) return expr.next;
    this.#derived.push(expr);
    return (expr.next = new Array(this.classes.members.length));
  }

  /** What was derived before a set was made that tells more bytes apart is derived again. */
  #classify(set: ByteSet): void {
    if (!this.#classes || !splits(set, this.#classes)) return;
    this.#classes = undefined;
    for (const expr of this.#derived) expr.next = undefined;
    this.#derived = [];
  }

  #get(key: string, made: () => Made): Expr {
    const known = this.#known.get(key);
    if (known) return known;
    const expr = this.#make(made());
    this.#known.set(key, expr);
    return expr;
  }

  #make(made: Made): Expr {
    this.work.spend(MAKE_WORK);
    return { id: this.#size++, next: undefined, nullable: undefined, alive: undefined, ...made };
  }
}
