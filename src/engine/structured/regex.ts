import { quoted, UsageError } from '../../core/errors.ts';
import { characterOf, complement, type Range } from './code-points.ts';
import type { Expr } from './expr.ts';
import type { Exprs } from './exprs.ts';
import { jsonCharacterOf } from './json-characters.ts';
import { ClassEscapes, dotRanges } from './regex-classes.ts';

/** Characters of a pattern, groups in groups, and repetitions of repetitions multiplied, at most. */
export const regexLimits = { length: 16_384, depth: 100, repeats: 100_000 } as const;

export interface RegexOptions {
  /** Of the text in a string of JSON: what it has to escape is matched escaped. */
  readonly inJson?: boolean;
  /** The match may be anywhere in the text, but for `^` and `$`: JSON Schema's `pattern`. Else it is the whole text. */
  readonly search?: boolean;
}

/**
 * The texts that a regular expression of JavaScript (flag `u`) matches.
 * @throws UsageError for what is none, for lookarounds, backreferences, word boundaries and property escapes, which
 * have no place in it, and beyond `regexLimits`.
 */
export function regexExpr(exprs: Exprs, pattern: string, options: RegexOptions = {}): Expr {
  return new RegexParser(exprs, pattern, options).parse();
}

/** An expression, and how many repetitions are in one another in it at most. */
interface Part {
  readonly expr: Expr;
  readonly repeats: number;
}

class RegexParser {
  readonly #exprs: Exprs;
  readonly #pattern: string;
  readonly #characters: readonly string[];
  readonly #options: RegexOptions;
  readonly #escapes: ClassEscapes;
  #at = 0;

  constructor(exprs: Exprs, pattern: string, options: RegexOptions) {
    if (pattern.length > regexLimits.length) {
      throw new UsageError(
        `the regular expression has ${pattern.length} characters, more than ${regexLimits.length}: shorten it`,
      );
    }
    this.#exprs = exprs;
    this.#pattern = pattern;
    this.#characters = [...pattern];
    this.#options = options;
    this.#escapes = new ClassEscapes(
      () => this.#next(),
      () => this.#peek(),
      why => this.#error(why),
    );
  }

  parse(): Expr {
    const exprs = this.#exprs;
    const ways: Expr[] = [];
    do {
      const atStart = this.#eat('^');
      const { expr } = this.#sequence(0);
      const atEnd = this.#eat('$');
      const any = exprs.repeat(this.#character([[0, 0x10ffff]]), 0, Number.POSITIVE_INFINITY);
      const { search = false } = this.#options;
      ways.push(
        exprs.seq(atStart || !search ? exprs.empty : any, expr, atEnd || !search ? exprs.empty : any),
      );
    } while (this.#eat('|'));
    if (this.#at < this.#characters.length) throw this.#error(`${quoted(this.#peek())} is not expected`);
    return exprs.union(ways);
  }

  #alternatives(depth: number): Part {
    if (depth > regexLimits.depth) throw this.#error(`groups are nested deeper than ${regexLimits.depth}`);
    const parts: Part[] = [];
    do parts.push(this.#sequence(depth));
    while (this.#eat('|'));
    return {
      expr: this.#exprs.union(parts.map(({ expr }) => expr)),
      repeats: Math.max(...parts.map(({ repeats }) => repeats)),
    };
  }

  #sequence(depth: number): Part {
    const parts: Expr[] = [];
    let most = 1;
    for (;;) {
      const next = this.#peek();
      if (next === undefined || next === '|' || next === ')') break;
      if (next === '$' && depth === 0 && this.#endsHere()) break;
      const { expr, repeats } = this.#repeated(this.#atom(depth));
      parts.push(expr);
      most = Math.max(most, repeats);
    }
    return { expr: this.#exprs.seq(...parts), repeats: most };
  }

  #endsHere(): boolean {
    const after = this.#characters[this.#at + 1];
    return after === undefined || after === '|';
  }

  #repeated(part: Part): Part {
    let { expr, repeats } = part;
    const bounds = this.#quantifier();
    if (!bounds) return part;
    const [min, max] = bounds;
    repeats *= Math.max(1, Number.isFinite(max) ? max : min);
    if (repeats > regexLimits.repeats) {
      throw this.#error(`it repeats something ${repeats} times, more than ${regexLimits.repeats}`);
    }
    expr = this.#exprs.repeat(expr, min, max);
    this.#eat('?');
    if (this.#quantifier()) throw this.#error('a quantifier follows another');
    return { expr, repeats };
  }

  #quantifier(): readonly [number, number] | undefined {
    if (this.#eat('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#eat('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#eat('?')) return [0, 1];
    if (!this.#eat('{')) return undefined;
    const min = this.#number();
    const max = this.#eat(',') ? (this.#peek() === '}' ? Number.POSITIVE_INFINITY : this.#number()) : min;
    if (!this.#eat('}') || max < min) throw this.#error('a quantifier must be {n}, {n,} or {n,m} with n ≤ m');
    return [min, max];
  }

  #number(): number {
    let digits = '';
    while (/\d/.test(this.#peek() ?? '')) digits += this.#next();
    if (digits === '') throw this.#error('a quantifier must be {n}, {n,} or {n,m}');
    return Number(digits);
  }

  #atom(depth: number): Part {
    const next = this.#next();
    switch (next) {
      case '(':
        return this.#group(depth);
      case '[':
        return this.#one(this.#class());
      case '.':
        return this.#one(dotRanges);
      case '\\':
        return this.#one(this.#escapes.read(false));
      case '^':
      case '$':
        throw this.#error(`${next} has a place only at the beginning or the end of the whole`);
      case '*':
      case '+':
      case '?':
      case '{':
        throw this.#error(`there is nothing to repeat before ${next}`);
      case ']':
      case '}':
        throw this.#error(`${next} must be escaped`);
      default:
        return this.#one([[next.codePointAt(0)!, next.codePointAt(0)!]]);
    }
  }

  #group(depth: number): Part {
    if (this.#eat('?')) {
      if (this.#eat('<')) {
        if (this.#peek() === '=' || this.#peek() === '!') throw this.#error('lookbehind is not supported');
        while (this.#next() !== '>');
      } else if (!this.#eat(':')) throw this.#error('lookahead and flags are not supported');
    }
    const part = this.#alternatives(depth + 1);
    if (!this.#eat(')')) throw this.#error('a group is not closed');
    return part;
  }

  #class(): readonly Range[] {
    const negated = this.#eat('^');
    const ranges: Range[] = [];
    while (!this.#eat(']')) {
      const first = this.#classAtom();
      if (this.#peek() !== '-' || this.#characters[this.#at + 1] === ']') {
        ranges.push(...first);
        continue;
      }
      this.#next();
      const last = this.#classAtom();
      const [low, high] = [single(first), single(last)];
      if (low === undefined || high === undefined || low > high) throw this.#error('a range is out of order');
      ranges.push([low, high]);
    }
    return negated ? complement(ranges) : ranges;
  }

  #classAtom(): readonly Range[] {
    const next = this.#next();
    if (next === '\\') return this.#escapes.read(true);
    const code = next.codePointAt(0)!;
    return [[code, code]];
  }

  #one(ranges: readonly Range[]): Part {
    return { expr: this.#character(ranges), repeats: 1 };
  }

  #character(ranges: readonly Range[]): Expr {
    return (this.#options.inJson ? jsonCharacterOf : characterOf)(this.#exprs, ranges);
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string {
    const next = this.#characters[this.#at++];
    if (next === undefined) throw this.#error('it ends too early');
    return next;
  }

  #eat(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #error(why: string): UsageError {
    return new UsageError(
      `the regular expression ${quoted(this.#pattern)} cannot be used: ${why} (at character ${this.#at})`,
    );
  }
}

function single(ranges: readonly Range[]): number | undefined {
  return ranges.length === 1 && ranges[0]![0] === ranges[0]![1] ? ranges[0]![0] : undefined;
}
