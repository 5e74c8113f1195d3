import type { ByteSet } from './byte-set.ts';

/**
 * A language over bytes. An expression is also the state of an automaton: what may still follow, once what was read
 * has been taken from its front (Brzozowski, "Derivatives of regular expressions", 1964). Counts are numbers in the
 * expression and never copies of it, so `x{1,99999}` is as small as `x`.
 */
export type Expr = Never | Empty | Bytes | Literal | Seq | Alt | Repeat | Both | Except | Rule;

interface Node {
  readonly id: number;
  /** [classes of bytes] Derivatives that are known. */
  next: (Expr | undefined)[] | undefined;
  /** Whether the empty text is in it, once known. */
  nullable: boolean | undefined;
  /** Whether any text is in it, once known; only asked where that is not plain (`both`, `except`). */
  alive: boolean | undefined;
}

/** No text. */
export interface Never extends Node {
  readonly kind: 'never';
}

/** The empty text. */
export interface Empty extends Node {
  readonly kind: 'empty';
}

/** One byte of a set. */
export interface Bytes extends Node {
  readonly kind: 'bytes';
  readonly set: ByteSet;
}

/** The bytes from `from` on. */
export interface Literal extends Node {
  readonly kind: 'literal';
  readonly bytes: Uint8Array;
  readonly from: number;
}

/** The one, then the other. A first part is no `seq` itself. */
export interface Seq extends Node {
  readonly kind: 'seq';
  readonly first: Expr;
  readonly then: Expr;
}

/** Any of them: at least two, by id, none of them an `alt` itself. */
export interface Alt extends Node {
  readonly kind: 'alt';
  readonly members: readonly Expr[];
}

export interface Repeat extends Node {
  readonly kind: 'repeat';
  readonly of: Expr;
  readonly min: number;
  /** May be infinite. */
  readonly max: number;
}

/** What is in both. */
export interface Both extends Node {
  readonly kind: 'both';
  readonly one: Expr;
  readonly other: Expr;
}

/** What is in the one and not in the other. */
export interface Except extends Node {
  readonly kind: 'except';
  readonly one: Expr;
  readonly other: Expr;
}

/** A named expression, which may contain itself, though not at its beginning. */
export interface Rule extends Node {
  readonly kind: 'rule';
  readonly name: string;
  body: Expr | undefined;
  /** Bytes of a short text of it; undefined until it has been checked. */
  least: number | undefined;
}
