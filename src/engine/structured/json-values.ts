import { bytesIn } from './byte-set.ts';
import type { Expr } from './expr.ts';
import type { Exprs } from './exprs.ts';
import { anyJsonCharacter, plainJsonCharacter } from './json-characters.ts';

const MANY = Number.POSITIVE_INFINITY;
/** Spaces of an indented line at most: a model that is unsure would go on with them for ever. */
const MOST_INDENT = 32;

/** The pieces that JSON is made of. */
export class JsonValues {
  readonly exprs: Exprs;
  /** Where JSON allows white space: nothing, a space, or a new line and its indentation. */
  readonly gap: Expr;
  /** Behind a colon. */
  readonly space: Expr;
  readonly digit: Expr;
  #any: Expr | undefined;
  #anyObject: Expr | undefined;
  #string: Expr | undefined;
  #character: Expr | undefined;

  /** @param compact without white space. */
  constructor(exprs: Exprs, compact: boolean) {
    this.exprs = exprs;
    const blank = exprs.bytes(bytesIn([0x20, 0x20], [9, 9]));
    const line = exprs.seq(exprs.text('\n'), exprs.repeat(blank, 0, MOST_INDENT));
    this.gap = compact ? exprs.empty : exprs.optional(exprs.alt(exprs.text(' '), line));
    this.space = compact ? exprs.empty : exprs.optional(exprs.text(' '));
    this.digit = exprs.bytes(bytesIn([0x30, 0x39]));
  }

  value(value: unknown): Expr {
    return this.exprs.text(JSON.stringify(value));
  }

  quotedText(inner: Expr): Expr {
    const quote = this.exprs.text('"');
    return this.exprs.seq(quote, inner, quote);
  }

  /** Any string, with all escapes; `\u` never for half a character. */
  get string(): Expr {
    if (this.#string) return this.#string;
    const { exprs } = this;
    const hex = exprs.bytes(bytesIn([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]));
    const notD = exprs.bytes(bytesIn([0x30, 0x39], [0x41, 0x43], [0x45, 0x46], [0x61, 0x63], [0x65, 0x66]));
    const d = exprs.bytes(bytesIn([0x44, 0x44], [0x64, 0x64]));
    const toSeven = exprs.bytes(bytesIn([0x30, 0x37]));
    const short = exprs.bytes(
      bytesIn(...[...'"\\/bfnrt'].map(c => [c.charCodeAt(0), c.charCodeAt(0)] as const)),
    );
    const code = exprs.alt(exprs.seq(notD, hex, hex, hex), exprs.seq(d, toSeven, hex, hex));
    const escaped = exprs.seq(exprs.text('\\'), exprs.alt(short, exprs.seq(exprs.text('u'), code)));
    const character = exprs.alt(plainJsonCharacter(exprs), escaped);
    return (this.#string = this.quotedText(exprs.repeat(character, 0, MANY)));
  }

  /** Of so many characters: each is written in one way only, so that they can be counted. */
  stringOf(min: number, max: number): Expr {
    this.#character ??= anyJsonCharacter(this.exprs);
    return this.quotedText(this.exprs.repeat(this.#character, min, max));
  }

  array(items: Expr): Expr {
    const { exprs, gap } = this;
    return exprs.seq(exprs.text('['), gap, items, gap, exprs.text(']'));
  }

  /** Items with commas between them. */
  list(item: Expr, min: number, max: number): Expr {
    if (max === 0) return this.exprs.empty;
    const { exprs } = this;
    const more = exprs.repeat(exprs.seq(this.comma, item), Math.max(0, min - 1), max - 1);
    const some = exprs.seq(item, more);
    return min === 0 ? exprs.optional(some) : some;
  }

  object(pairs: Expr): Expr {
    const { exprs, gap } = this;
    return exprs.seq(exprs.text('{'), gap, pairs, gap, exprs.text('}'));
  }

  pair(key: Expr, value: Expr): Expr {
    return this.exprs.seq(key, this.exprs.text(':'), this.space, value);
  }

  get comma(): Expr {
    return this.exprs.seq(this.gap, this.exprs.text(','), this.gap);
  }

  get boolean(): Expr {
    return this.exprs.alt(this.value(true), this.value(false));
  }

  /** So long that every JSON reader takes it, and no double overflows. */
  get number(): Expr {
    const { exprs, digit } = this;
    const sign = exprs.optional(exprs.bytes(bytesIn([0x2b, 0x2b], [0x2d, 0x2d])));
    const exponent = exprs.seq(
      exprs.bytes(bytesIn([0x45, 0x45], [0x65, 0x65])),
      sign,
      exprs.repeat(digit, 1, 2),
    );
    return exprs.seq(this.integer, exprs.optional(this.fraction), exprs.optional(exponent));
  }

  get fraction(): Expr {
    return this.exprs.seq(this.exprs.text('.'), this.exprs.repeat(this.digit, 1, 17));
  }

  /** Of at most 15 digits, so that a double holds it. */
  get integer(): Expr {
    const { exprs } = this;
    const some = exprs.seq(exprs.bytes(bytesIn([0x31, 0x39])), exprs.repeat(this.digit, 0, 14));
    return exprs.seq(exprs.optional(exprs.text('-')), exprs.alt(exprs.text('0'), some));
  }

  /** Any JSON. */
  get any(): Expr {
    if (this.#any) return this.#any;
    const rule = this.exprs.rule('any value');
    this.#any = rule;
    const array = this.array(this.list(rule, 0, MANY));
    rule.body = this.exprs.alt(
      this.anyObject,
      array,
      this.string,
      this.number,
      this.boolean,
      this.value(null),
    );
    return rule;
  }

  get anyObject(): Expr {
    if (this.#anyObject) return this.#anyObject;
    const rule = this.exprs.rule('any object');
    this.#anyObject = rule;
    rule.body = this.object(this.list(this.pair(this.string, this.any), 0, MANY));
    return rule;
  }
}
