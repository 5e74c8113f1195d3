import { quoted, UsageError } from '../../core/errors.ts';
import { living } from './derive.ts';
import type { Expr, Rule } from './expr.ts';
import { plainJsonCharacter } from './json-characters.ts';
import { checkDepth } from './json-depth.ts';
import { type Bounds, integersWithin, numbersWithin } from './json-ranges.ts';
import type { JsonValues } from './json-values.ts';
import { regexExpr } from './regex.ts';
import {
  formats,
  type Json,
  jsonTypes,
  merged,
  refuseUnknown,
  type Schema,
  typesOf,
} from './schema-keywords.ts';
import { oneOf } from './texts.ts';

/** Characters of a schema, schemas in schemas, properties of an object, values of an enum, and a count, at most. */
export const schemaLimits = { length: 65_536, depth: 64, properties: 512, values: 4096, count: 1e5 } as const;

const MANY = Number.POSITIVE_INFINITY;

/**
 * The JSON texts that are valid under a schema, properties in the order of the schema. Where it leaves open whether
 * an object that lists properties may have others, or an array that lists items, they have none (as in vLLM).
 * @throws UsageError for a schema that is none, for keywords that are not supported, and beyond `schemaLimits`.
 */
export function schemaExpr(json: JsonValues, text: string): Expr {
  if (text.length > schemaLimits.length) {
    throw new UsageError(`the JSON schema has ${text.length} characters, more than ${schemaLimits.length}`);
  }
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the JSON schema is not JSON: ${(error as Error).message}`);
  }
  checkDepth(root, 'the JSON schema');
  return new SchemaCompiler(json, root).compile();
}

class SchemaCompiler {
  readonly #json: JsonValues;
  readonly #root: unknown;
  readonly #rules = new Map<string, Rule>();
  readonly #open: { readonly rule: Rule; readonly schema: unknown }[] = [];
  #depth = 0;

  constructor(json: JsonValues, root: unknown) {
    this.#json = json;
    this.#root = root;
  }

  compile(): Expr {
    const whole = this.#schema(this.#root);
    for (let next = this.#open.pop(); next; next = this.#open.pop())
      next.rule.body = this.#schema(next.schema);
    return whole;
  }

  #schema(schema: unknown): Expr {
    const { exprs, any } = this.#json;
    if (schema === true) return any;
    if (schema === false) return exprs.never;
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
      throw new UsageError(`the JSON schema has ${quoted(schema)} where a schema is expected`);
    }
    if (++this.#depth > schemaLimits.depth) {
      throw new UsageError(`the JSON schema is nested deeper than ${schemaLimits.depth}: use $defs and $ref`);
    }
    const expr = this.#object(schema as Schema);
    this.#depth--;
    return expr;
  }

  #object(schema: Schema): Expr {
    refuseUnknown(schema);
    const { exprs } = this.#json;
    const { $ref, anyOf, oneOf, allOf, ...rest } = schema;
    if ($ref !== undefined) return this.#ref($ref, merged(rest, {}, '$ref'));
    const ways = anyOf ?? oneOf;
    if (ways !== undefined) {
      if (anyOf && oneOf)
        throw new UsageError('the JSON schema has anyOf beside oneOf: put one into the other');
      if (!Array.isArray(ways) || ways.length === 0)
        throw expected('anyOf and oneOf', 'a list of schemas', ways);
      const common = allOf === undefined ? rest : { ...rest, allOf };
      return exprs.union(ways.map(way => this.#schema(merged(common, way, 'anyOf'))));
    }
    if (allOf !== undefined) {
      if (!Array.isArray(allOf)) throw expected('allOf', 'a list of schemas', allOf);
      return this.#schema(allOf.reduce<Json>((all, part) => merged(all as Schema, part, 'allOf'), rest));
    }
    if ('const' in schema) return this.#values([schema['const']], schema);
    if ('enum' in schema) return this.#values(schema['enum'], schema);
    const types = typesOf(schema);
    return types ? exprs.union(types.map(type => this.#typed(type, schema))) : this.#json.any;
  }

  #ref(ref: unknown, beside: unknown): Expr {
    if (typeof ref !== 'string' || !ref.startsWith('#')) {
      throw new UsageError(`the JSON schema refers to ${quoted(ref)}: only its own parts (#/…) are known`);
    }
    if (jsonTypes.some(type => typesOf(beside as Schema)?.includes(type))) {
      throw new UsageError(
        'the JSON schema has other keywords beside $ref: put both into a schema of their own',
      );
    }
    const known = this.#rules.get(ref);
    if (known) return known;
    const rule = this.#json.exprs.rule(ref);
    this.#rules.set(ref, rule);
    this.#open.push({ rule, schema: this.#find(ref) });
    return rule;
  }

  #find(ref: string): unknown {
    let found = this.#root;
    for (const part of ref.slice(1).split('/').slice(1)) {
      const key = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~');
      if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) {
        throw new UsageError(`the JSON schema refers to ${quoted(ref)}, which is not there`);
      }
      found = Reflect.get(found, key);
    }
    return found;
  }

  #values(values: unknown, schema: Schema): Expr {
    if (!Array.isArray(values) || values.length === 0) throw expected('enum', 'a list of values', values);
    if (values.length > schemaLimits.values) {
      throw new UsageError(
        `the JSON schema has an enum of ${values.length} values, more than ${schemaLimits.values}`,
      );
    }
    const types = schema['type'] === undefined ? undefined : typesOf(schema);
    const fitting = values.filter(value => !types || types.some(type => isOf(value, type)));
    return oneOf(
      this.#json.exprs,
      fitting.map(value => JSON.stringify(value)),
    );
  }

  #typed(type: string, schema: Schema): Expr {
    const json = this.#json;
    switch (type) {
      case 'null':
        return json.value(null);
      case 'boolean':
        return json.boolean;
      case 'integer':
      case 'number': {
        const bounds = boundsOf(schema);
        if (type === 'integer') return bounds ? integersWithin(json, bounds) : json.integer;
        return bounds ? numbersWithin(json, bounds) : json.number;
      }
      case 'string':
        return this.#string(schema);
      case 'array':
        return this.#array(schema);
      default:
        return this.#properties(schema);
    }
  }

  #string(schema: Schema): Expr {
    const json = this.#json;
    const { exprs } = json;
    const { pattern, format } = schema;
    const min = count(schema, 'minLength', 0);
    const max = count(schema, 'maxLength', MANY);
    if (min > max) return exprs.never;
    const shape = pattern ?? (typeof format === 'string' ? formats.get(format) : undefined);
    if (shape === undefined) return min === 0 && max === MANY ? json.string : json.stringOf(min, max);
    if (typeof shape !== 'string') throw expected('pattern', 'a regular expression', shape);
    const matching = regexExpr(exprs, shape, { inJson: true, search: true });
    if (min === 0 && max === MANY) return json.quotedText(matching);
    const counted = json.stringOf(min, max);
    return living(exprs, exprs.both(json.quotedText(matching), counted));
  }

  #array(schema: Schema): Expr {
    const json = this.#json;
    const { exprs } = json;
    const { items, prefixItems = [] } = schema;
    const min = count(schema, 'minItems', 0);
    const max = count(schema, 'maxItems', MANY);
    if (min > max) return exprs.never;
    if (!Array.isArray(prefixItems)) throw expected('prefixItems', 'a list of schemas', prefixItems);
    if (prefixItems.length === 0) {
      const item = items === undefined ? json.any : this.#schema(items);
      return json.array(item === exprs.never && min === 0 ? exprs.empty : json.list(item, min, max));
    }
    const first = prefixItems.slice(0, Math.min(prefixItems.length, max)).map(item => this.#schema(item));
    const more = Math.max(0, max - first.length);
    const left = Math.max(0, min - first.length);
    const rest = items === undefined && left === 0 ? exprs.never : this.#schema(items ?? true);
    const tail = exprs.repeat(exprs.seq(json.comma, rest), left, more);
    return json.array(
      exprs.seq(...first.map((item, i) => (i === 0 ? item : exprs.seq(json.comma, item))), tail),
    );
  }

  #properties(schema: Schema): Expr {
    const json = this.#json;
    const { exprs } = json;
    const { properties = {}, required = [], additionalProperties } = schema;
    if (typeof properties !== 'object' || properties === null)
      throw expected('properties', 'an object', properties);
    if (!Array.isArray(required)) throw expected('required', 'a list of names', required);
    const names = [...new Set([...Object.keys(properties), ...required.map(String)])];
    if (names.length > schemaLimits.properties) {
      throw new UsageError(
        `the JSON schema has an object of ${names.length} properties, more than ${schemaLimits.properties}`,
      );
    }
    const others = additionalProperties ?? (names.length === 0 && schema['properties'] === undefined);
    const needed = new Set(required);
    // From the last to the first: what follows when something came before, and when nothing did.
    let after = this.#others(names, others);
    let start = exprs.optional(exprs.seq(after, exprs.repeat(exprs.seq(json.comma, after), 0, MANY)));
    after = exprs.repeat(exprs.seq(json.comma, after), 0, MANY);
    for (const name of names.toReversed()) {
      const value = Object.hasOwn(properties, name)
        ? Reflect.get(properties, name)
        : (additionalProperties ?? true);
      const pair = json.pair(json.value(name), this.#schema(value));
      const here = exprs.seq(pair, after);
      if (needed.has(name)) {
        start = here;
        after = exprs.seq(json.comma, here);
      } else {
        start = exprs.alt(here, start);
        after = exprs.seq(exprs.optional(exprs.seq(json.comma, pair)), after);
      }
    }
    return json.object(start);
  }

  /** A property that the schema does not name. */
  #others(names: readonly string[], schema: unknown): Expr {
    const json = this.#json;
    const { exprs } = json;
    const value = this.#schema(schema);
    if (value === exprs.never) return value;
    if (names.length === 0) return json.pair(json.string, value);
    const plain = exprs.repeat(plainJsonCharacter(exprs), 0, MANY);
    const other = exprs.except(plain, oneOf(exprs, names));
    return json.pair(json.quotedText(other), value);
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function isOf(value: unknown, type: string): boolean {
  if (value === null) return type === 'null';
  if (Array.isArray(value)) return type === 'array';
  return typeof value === type || (type === 'integer' && Number.isInteger(value));
}

function boundsOf(schema: Schema): Bounds | undefined {
  const read = (key: string) => {
    const value = schema[key];
    if (value !== undefined && typeof value !== 'number') throw expected(key, 'a number', value);
    return value;
  };
  const [low, above] = [read('minimum'), read('exclusiveMinimum')];
  const [high, below] = [read('maximum'), read('exclusiveMaximum')];
  if ((low ?? above ?? high ?? below) === undefined) return undefined;
  const aboveMin = above !== undefined && above >= (low ?? above);
  const belowMax = below !== undefined && below <= (high ?? below);
  return {
    min: (aboveMin ? above : low) ?? -MANY,
    max: (belowMax ? below : high) ?? MANY,
    aboveMin,
    belowMax,
  };
}

function count(schema: Schema, key: string, otherwise: number): number {
  const value = schema[key] ?? undefined;
  if (value === undefined) return otherwise;
  // No output would come to it: it would go on until `max_tokens`.
  if (typeof value === 'number' && value > schemaLimits.count)
    throw new UsageError(`the JSON schema has ${value} for ${key}, more than ${schemaLimits.count}`);
  if (typeof value === 'number' && value >= 0 && Number.isInteger(value)) return value;
  throw expected(key, 'a whole number from 0 on', value);
}

function expected(key: string, what: string, value: unknown): UsageError {
  return new UsageError(`the JSON schema has ${quoted(value)} for ${key}, but ${what} is expected`);
}
