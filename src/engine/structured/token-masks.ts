import { derive, nullable } from './derive.ts';
import type { Expr } from './expr.ts';
import type { Exprs } from './exprs.ts';
import { addToken, type TokenMask } from './token-mask.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Bytes of masks that are kept. */
const MOST_KEPT = 16 * 2 ** 20;
/** Alternatives of more than these are walked as one. */
const MOST_APART = 8;
/** Nodes of the vocabulary's trie whose visit counts as a unit of work. */
const VISITS_PER_UNIT = 16;

/** Units of one walk over all of a vocabulary. */
export function walkWork({ nodes }: Vocabulary): number {
  return nodes / VISITS_PER_UNIT;
}

/** What a first part lets through by itself. */
interface Local {
  readonly mask: TokenMask;
  /** A bit for each node of the trie: those below which it may be over, and another part begin. */
  readonly exits: Uint32Array;
}

/**
 * Which tokens may come next, by walking the vocabulary's trie along derivatives. What does not depend on what comes
 * after it is found once: the inside of a string is the same wherever the string stands.
 */
export class TokenMasks {
  readonly #exprs: Exprs;
  readonly #vocabulary: Vocabulary;
  readonly #states: Expr[];
  readonly #masks = new Map<Expr, TokenMask>();
  readonly #locals = new Map<Expr, Local>();
  readonly #clamped = new Map<Expr, Expr>();
  #kept = 0;
  /** Visits that have not been counted as work yet. */
  #visits = 0;

  constructor(exprs: Exprs, vocabulary: Vocabulary) {
    this.#exprs = exprs;
    this.#vocabulary = vocabulary;
    this.#states = new Array(vocabulary.longest + 1);
  }

  /** Not to be changed. @throws Overrun */
  of(state: Expr): TokenMask {
    return this.#of(this.#clamp(state));
  }

  #of(state: Expr): TokenMask {
    const known = this.#masks.get(state);
    if (known) return known;
    this.#exprs.work.down();
    const mask = this.#compute(state);
    this.#exprs.work.up();
    this.#keep(mask);
    this.#masks.set(state, mask);
    return mask;
  }

  #compute(state: Expr): TokenMask {
    if (state.kind === 'alt' && state.members.length <= MOST_APART) {
      const mask = this.#none();
      for (const member of state.members) add(mask, this.#of(member));
      return mask;
    }
    if (state.kind === 'seq' && state.first.kind !== 'literal' && state.first.kind !== 'bytes') {
      const { mask: local, exits } = this.#local(state.first);
      const mask = local.slice();
      this.#goOn(exits, state.then, mask);
      if (nullable(state.first)) add(mask, this.of(state.then));
      return mask;
    }
    const mask = this.#none();
    this.#walk(0, state, mask);
    return mask;
  }

  #local(first: Expr): Local {
    const known = this.#locals.get(first);
    if (known) return known;
    const mask = this.#none();
    const exits = new Uint32Array(Math.ceil(this.#vocabulary.nodes / 32));
    this.#walk(0, first, mask, exits);
    const local = { mask, exits };
    this.#keep(mask);
    this.#keep(exits);
    this.#locals.set(first, local);
    return local;
  }

  /** Adds the tokens that go on with `then` from one of the exits: only bytes that it begins with are looked at. */
  #goOn(exits: Uint32Array, then: Expr, mask: TokenMask): void {
    const { byByte, byteStarts, parents } = this.#vocabulary;
    const exprs = this.#exprs;
    for (let byte = 0; byte < 256; byte++) {
      const next = derive(exprs, then, byte);
      if (next === exprs.never) continue;
      const end = byteStarts[byte + 1]!;
      for (let i = byteStarts[byte]!; i < end; i++) {
        const node = byByte[i]!;
        const parent = parents[node]!;
        if (((exits[parent >>> 5]! >>> (parent & 31)) & 1) === 0) continue;
        this.#take(node, mask);
        this.#walk(node, next, mask);
      }
      this.#visited(end - byteStarts[byte]!);
    }
  }

  /** The token that ends at a node, and those with the same bytes. */
  #take(node: number, mask: TokenMask): void {
    const { tokens, same } = this.#vocabulary;
    const token = tokens[node]!;
    if (token < 0) return;
    addToken(mask, token);
    if (same.size > 0) for (const other of same.get(token) ?? []) addToken(mask, other);
  }

  #visited(nodes: number): void {
    this.#visits += nodes;
    if (this.#visits < VISITS_PER_UNIT) return;
    const units = Math.floor(this.#visits / VISITS_PER_UNIT);
    this.#visits %= VISITS_PER_UNIT;
    this.#exprs.work.spend(units);
  }

  /** Adds the tokens below a node that go on with `from`. @param exits gets the nodes at which it may be over. */
  #walk(root: number, from: Expr, mask: TokenMask, exits?: Uint32Array): void {
    const { bytes, depths, ends } = this.#vocabulary;
    const exprs = this.#exprs;
    const classes = exprs.classes.of;
    const states = this.#states;
    const end = ends[root]!;
    let visits = 0;
    states[depths[root]!] = from;
    for (let node = root + 1; node < end; ) {
      visits++;
      const depth = depths[node]!;
      const state = states[depth - 1]!;
      const byte = bytes[node]!;
      const next = state.next?.[classes[byte]!] ?? derive(exprs, state, byte);
      if (next === exprs.never) {
        node = ends[node]!;
        continue;
      }
      this.#take(node, mask);
      if (exits && ends[node]! > node + 1 && nullable(next)) addToken(exits, node);
      states[depth] = next;
      node++;
    }
    this.#visited(visits);
  }

  /** No token is long enough to tell large counts apart: states that differ in them only have one mask. */
  #clamp(state: Expr): Expr {
    const known = this.#clamped.get(state);
    if (known) return known;
    const clamped = this.#computeClamped(state);
    this.#clamped.set(state, clamped);
    return clamped;
  }

  #computeClamped(state: Expr): Expr {
    const exprs = this.#exprs;
    switch (state.kind) {
      case 'seq':
        return exprs.seq(this.#clamp(state.first), state.then);
      case 'alt':
        return exprs.union(state.members.map(member => this.#clamp(member)));
      case 'repeat': {
        const { longest } = this.#vocabulary;
        // Where its item may be nothing, counts go down without bytes.
        if (nullable(state.of) || (state.min <= longest + 1 && state.max < longest)) return state;
        const max = state.max >= longest + 1 ? Number.POSITIVE_INFINITY : state.max;
        return exprs.repeat(state.of, Math.min(state.min, longest + 1), max);
      }
      default:
        return state;
    }
  }

  #none(): TokenMask {
    return new Uint32Array(Math.ceil(this.#vocabulary.size / 32));
  }

  #keep({ byteLength }: TokenMask): void {
    this.#kept += byteLength;
    if (this.#kept <= MOST_KEPT) return;
    this.#masks.clear();
    this.#locals.clear();
    this.#clamped.clear();
    this.#kept = byteLength;
  }
}

function add(mask: TokenMask, other: TokenMask): void {
  for (let i = 0; i < mask.length; i++) mask[i]! |= other[i]!;
}
