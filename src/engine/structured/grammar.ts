import { quoted, UsageError } from '../../core/errors.ts';
import { characterOf, complement, type Range } from './code-points.ts';
import type { Expr, Rule } from './expr.ts';
import type { Exprs } from './exprs.ts';

/** Characters of a grammar, its rules, and groups in groups, at most. */
export const grammarLimits = { length: 65_536, rules: 1000, depth: 100, repeats: 100_000 } as const;

/**
 * The texts of a grammar in EBNF, as llama.cpp and xgrammar write it: `root ::= "a" item* | [0-9]{1,3} # comment`.
 * @throws UsageError for what is none, for a rule that is missing or begins with itself, and beyond `grammarLimits`.
 */
export function grammarExpr(exprs: Exprs, text: string): Expr {
  if (text.length > grammarLimits.length) {
    throw new UsageError(`the grammar has ${text.length} characters, more than ${grammarLimits.length}`);
  }
  return new GrammarParser(exprs, text).parse();
}

/** Units for each token: it is matched, cut out and looked at. */
const TOKEN_WORK = 6;

const tokenPattern =
  /\s+|#[^\n]*|(?<name>[A-Za-z_][\w.-]*)|(?<is>::=)|"(?<text>(?:[^"\\\n]|\\.)*)"|\[(?<set>(?:[^\]\\\n]|\\.)*)\]|(?<sign>[|()*+?{},]|\d+)/uy;

interface Token {
  readonly kind: 'name' | 'is' | 'text' | 'set' | 'sign';
  readonly value: string;
  readonly line: number;
}

class GrammarParser {
  readonly #exprs: Exprs;
  readonly #tokens: readonly Token[];
  readonly #rules = new Map<string, Rule>();
  #at = 0;

  constructor(exprs: Exprs, text: string) {
    this.#exprs = exprs;
    this.#tokens = tokenize(text);
    exprs.work.spend(TOKEN_WORK * this.#tokens.length);
  }

  parse(): Expr {
    while (this.#at < this.#tokens.length) {
      const rule = this.#rule(this.#expect('name'));
      if (rule.body) throw this.#error(`the rule ${quoted(rule.name)} is there twice`);
      this.#expect('is');
      rule.body = this.#alternatives(0);
    }
    const root = this.#rules.get('root');
    for (const { name, body } of this.#rules.values()) {
      if (!body) throw new UsageError(`the grammar uses the rule ${quoted(name)}, which it does not have`);
    }
    if (!root) throw new UsageError('the grammar has no rule "root", at which it begins');
    return root;
  }

  #rule(name: string): Rule {
    let rule = this.#rules.get(name);
    if (rule) return rule;
    if (this.#rules.size === grammarLimits.rules) {
      throw new UsageError(`the grammar has more than ${grammarLimits.rules} rules`);
    }
    rule = this.#exprs.rule(name);
    this.#rules.set(name, rule);
    return rule;
  }

  #alternatives(depth: number): Expr {
    if (depth > grammarLimits.depth)
      throw this.#error(`groups are nested deeper than ${grammarLimits.depth}`);
    const ways: Expr[] = [];
    do ways.push(this.#sequence(depth));
    while (this.#eat('|'));
    return this.#exprs.union(ways);
  }

  #sequence(depth: number): Expr {
    const parts: Expr[] = [];
    for (;;) {
      const item = this.#item(depth);
      if (!item) return this.#exprs.seq(...parts);
      parts.push(this.#repeated(item));
    }
  }

  #item(depth: number): Expr | undefined {
    const token = this.#tokens[this.#at];
    // The name of the next rule ends this one.
    if (!token || this.#tokens[this.#at + 1]?.kind === 'is') return undefined;
    switch (token.kind) {
      case 'name':
        this.#at++;
        return this.#rule(token.value);
      case 'text':
        this.#at++;
        return this.#exprs.text(unescaped(token).join(''));
      case 'set':
        this.#at++;
        return characterOf(this.#exprs, setOf(token));
      case 'is':
        throw this.#error('::= is not expected');
      default: {
        if (!this.#eat('(')) return undefined;
        const group = this.#alternatives(depth + 1);
        if (!this.#eat(')')) throw this.#error('a group is not closed');
        return group;
      }
    }
  }

  #repeated(item: Expr): Expr {
    const exprs = this.#exprs;
    const many = Number.POSITIVE_INFINITY;
    if (this.#eat('*')) return exprs.repeat(item, 0, many);
    if (this.#eat('+')) return exprs.repeat(item, 1, many);
    if (this.#eat('?')) return exprs.optional(item);
    if (!this.#eat('{')) return item;
    const min = Number(this.#expect('sign'));
    const max = this.#eat(',') ? (this.#eat('}') ? many : Number(this.#expect('sign'))) : min;
    if (max !== many && !this.#eat('}')) throw this.#error('a count must be {n}, {n,} or {n,m}');
    const most = max === many ? min : max;
    if (!(min <= max && most <= grammarLimits.repeats)) {
      throw this.#error(`a count must be {n}, {n,} or {n,m} with n ≤ m ≤ ${grammarLimits.repeats}`);
    }
    return exprs.repeat(item, min, max);
  }

  #eat(sign: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'sign' || token.value !== sign) return false;
    this.#at++;
    return true;
  }

  #expect(kind: Token['kind']): string {
    const token = this.#tokens[this.#at];
    if (token?.kind !== kind) throw this.#error(`${kind === 'is' ? '::=' : `a ${kind}`} is expected`);
    this.#at++;
    return token.value;
  }

  #error(why: string): UsageError {
    const line = (this.#tokens[this.#at] ?? this.#tokens.at(-1))?.line ?? 1;
    return new UsageError(`the grammar cannot be used: ${why} (line ${line})`);
  }
}

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  tokenPattern.lastIndex = 0;
  for (let at = 0; at < text.length; at = tokenPattern.lastIndex) {
    const match = tokenPattern.exec(text);
    if (!match)
      throw new UsageError(
        `the grammar has ${quoted(text.slice(at, at + 20))} (line ${line}), which is no part of EBNF`,
      );
    for (const [kind, value] of Object.entries(match.groups!)) {
      if (value !== undefined) tokens.push({ kind: kind as Token['kind'], value, line });
    }
    line += match[0].split('\n').length - 1;
  }
  return tokens;
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  f: '\f',
  v: '\v',
  b: '\b',
  '0': '\0',
};

/** Characters, one by one; what was escaped is marked by `setOf` through its own pattern. */
function unescaped({ value, line }: Token): readonly string[] {
  return [...value.matchAll(characterPattern)].map(([whole]) => characterIn(whole, line));
}

const characterPattern = /\\x[\da-fA-F]{2}|\\u[\da-fA-F]{4}|\\U[\da-fA-F]{8}|\\?./gsu;

function characterIn(spelled: string, line: number): string {
  if (spelled[0] !== '\\') return spelled;
  const kind = spelled[1]!;
  if (spelled.length > 3) {
    const code = Number.parseInt(spelled.slice(2), 16);
    if (code <= 0x10ffff) return String.fromCodePoint(code);
    throw new UsageError(`the grammar has ${spelled} (line ${line}), which is no character`);
  }
  return escapes[kind] ?? spelled.slice(1);
}

function setOf(token: Token): readonly Range[] {
  const negated = token.value.startsWith('^');
  const spelled = [...token.value.slice(negated ? 1 : 0).matchAll(characterPattern)].map(([whole]) => whole);
  const codeOf = (i: number) => characterIn(spelled[i]!, token.line).codePointAt(0)!;
  const ranges: Range[] = [];
  for (let i = 0; i < spelled.length; i++) {
    const isRange = spelled[i + 1] === '-' && i + 2 < spelled.length;
    const range: Range = [codeOf(i), codeOf(isRange ? i + 2 : i)];
    if (range[0] > range[1]) {
      throw new UsageError(
        `the grammar has [${token.value}] (line ${token.line}), where a range is out of order`,
      );
    }
    ranges.push(range);
    if (isRange) i += 2;
  }
  return negated ? complement(ranges) : ranges;
}
