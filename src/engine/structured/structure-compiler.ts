import { UsageError } from '../../core/errors.ts';
import type { Structure } from '../../core/sampling-params.ts';
import { checkRules } from './check-rules.ts';
import { Endings } from './endings.ts';
import type { Expr } from './expr.ts';
import { Exprs } from './exprs.ts';
import { grammarExpr } from './grammar.ts';
import { schemaExpr } from './json-schema.ts';
import { JsonValues } from './json-values.ts';
import { regexExpr } from './regex.ts';
import { oneOf } from './texts.ts';
import { TokenMasks, walkWork } from './token-masks.ts';
import { toolCallsExpr } from './tool-structure.ts';
import { type Spelling, Vocabulary } from './vocabulary.ts';
import { Overrun, Work } from './work.ts';

/** Structures that are kept for who asks again. */
const MOST_KEPT = 64;
/** Units of work until the first token may be drawn, some 40 ms, beside some walks over the vocabulary. */
const COMPILE_WORK = 170_000;
const COMPILE_WALKS = 4;
/** Expressions of all that are kept, and of one that new requests are given: compiled again it is small again. */
const MOST_EXPRS = 200_000;
/** Choices, and characters in all of them. */
const choiceLimits = { count: 4096, length: 65_536 } as const;

/** A structure over a vocabulary, shared by all that ask for it. */
export interface CompiledStructure {
  readonly exprs: Exprs;
  readonly masks: TokenMasks;
  readonly endings: Endings;
  readonly vocabulary: Vocabulary;
  readonly start: Expr;
}

/** Compiles structures for the tokens of one model. */
export class StructureCompiler {
  readonly #spelling: Spelling;
  #vocabulary: Vocabulary | undefined;
  /** The last used at the end. */
  readonly #kept = new Map<string, CompiledStructure>();

  /** @param spelling read when the first structure is asked for, or to be prepared for it. */
  constructor(spelling: Spelling) {
    this.#spelling = spelling;
  }

  /** Reads the vocabulary, which takes up to a second where it is large. */
  prepare(): void {
    this.#vocabulary ??= Vocabulary.of(this.#spelling);
  }

  get vocabulary(): Vocabulary {
    this.prepare();
    return this.#vocabulary!;
  }

  /** Whether it is kept: to compile it again takes no time. */
  has(structure: Structure): boolean {
    return this.#find(JSON.stringify(structure)) !== undefined;
  }

  /** @throws UsageError when it is not understood, fits no text, or takes too much work. */
  compile(structure: Structure): CompiledStructure {
    const key = JSON.stringify(structure);
    const compiled = this.#find(key) ?? compileStructure(structure, this.vocabulary);
    this.#kept.delete(key);
    this.#kept.set(key, compiled);
    this.#forget();
    return compiled;
  }

  #find(key: string): CompiledStructure | undefined {
    const compiled = this.#kept.get(key);
    return compiled && compiled.exprs.size <= MOST_EXPRS ? compiled : undefined;
  }

  /** Those that were not asked for the longest, until there are few enough, and small enough together. */
  #forget(): void {
    let exprs = 0;
    for (const compiled of this.#kept.values()) exprs += compiled.exprs.size;
    for (const [key, compiled] of this.#kept) {
      if (this.#kept.size <= MOST_KEPT && exprs <= MOST_EXPRS) return;
      exprs -= compiled.exprs.size;
      this.#kept.delete(key);
    }
  }
}

export function compileStructure(structure: Structure, vocabulary: Vocabulary): CompiledStructure {
  const work = new Work();
  const exprs = new Exprs(work);
  const masks = new TokenMasks(exprs, vocabulary);
  try {
    const start = work.within(COMPILE_WORK + COMPILE_WALKS * walkWork(vocabulary), () => {
      const whole = exprOf(structure, exprs);
      checkRules(exprs);
      masks.of(whole);
      return whole;
    });
    if (start === exprs.never)
      throw new UsageError('no text fits the structure: what it asks for is contradictory');
    return { exprs, masks, endings: new Endings(), vocabulary, start };
  } catch (error) {
    if (!(error instanceof Overrun)) throw error;
    throw new UsageError(
      `the structure is too large or too ambiguous: it takes more than ${COMPILE_WORK} units of work before the ` +
        'first token; use smaller counts, fewer alternatives or a narrower pattern',
    );
  }
}

function exprOf(structure: Structure, exprs: Exprs): Expr {
  switch (structure.type) {
    case 'json_object':
      return new JsonValues(exprs, structure.compact ?? false).anyObject;
    case 'json_schema':
      return schemaExpr(new JsonValues(exprs, structure.compact ?? false), structure.schema);
    case 'regex':
      return regexExpr(exprs, structure.pattern);
    case 'choice':
      return choiceOf(exprs, structure.choices);
    case 'grammar':
      return grammarExpr(exprs, structure.grammar);
    case 'tool_calls':
      return toolCallsExpr(new JsonValues(exprs, false), structure.tools, structure.most);
    default:
      structure satisfies never;
      throw new UsageError(`there is no structure of type ${JSON.stringify(Reflect.get(structure, 'type'))}`);
  }
}

function choiceOf(exprs: Exprs, choices: readonly string[]): Expr {
  const length = choices.reduce((sum, choice) => sum + choice.length, 0);
  if (choices.length === 0) throw new UsageError('there is nothing to choose from: give at least one choice');
  if (choices.length > choiceLimits.count || length > choiceLimits.length) {
    throw new UsageError(
      `${choices.length} choices of ${length} characters are more than ${choiceLimits.count} of ${choiceLimits.length}`,
    );
  }
  return oneOf(exprs, choices);
}
