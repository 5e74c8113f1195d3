import { quoted, UsageError } from '../../core/errors.ts';

export type Json = unknown;
export type Schema = Readonly<Record<string, unknown>>;

export const jsonTypes = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;

/** They would forbid what cannot be forbidden here: better no output than one that they do not allow. */
const unsupported = new Set([
  'not',
  'if',
  'then',
  'else',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'patternProperties',
  'propertyNames',
  'minProperties',
  'maxProperties',
  'contains',
  'minContains',
  'maxContains',
  'multipleOf',
  '$dynamicRef',
  '$recursiveRef',
]);
/** They forbid something only with a certain value, and not that way nothing. */
const unlessFalse = ['uniqueItems'];

/** Says no to what would otherwise be left out. @throws UsageError */
export function refuseUnknown(schema: Schema): void {
  for (const key of Object.keys(schema)) if (unsupported.has(key)) throw refused(key);
  for (const key of unlessFalse) if (schema[key]) throw refused(key);
}

function refused(key: string): UsageError {
  return new UsageError(`the JSON schema has ${quoted(key)}, which is not supported: leave it out`);
}

/** Keywords that only say what a type is like, by the type that they make likely. */
const hints: Readonly<Record<string, string>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  pattern: 'string',
  minLength: 'string',
  maxLength: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
};

/** Undefined: any. Without `type`, the one that the other keywords are about. @throws UsageError */
export function typesOf(schema: Schema): readonly string[] | undefined {
  const { type } = schema;
  if (type === undefined) {
    const hint = Object.keys(hints).find(key => Object.hasOwn(schema, key));
    return hint === undefined ? undefined : [hints[hint]!];
  }
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  for (const one of types) {
    if (jsonTypes.includes(one as never)) continue;
    throw new UsageError(`the JSON schema has the type ${quoted(one)}: there are ${jsonTypes.join(', ')}`);
  }
  return types as readonly string[];
}

const notes = new Set([
  'title',
  'description',
  'default',
  'examples',
  '$defs',
  'definitions',
  '$schema',
  '$id',
  '$comment',
]);

/**
 * What is valid under both, where they do not speak of the same.
 * @throws UsageError where they do.
 */
export function merged(schema: Schema, other: unknown, keyword: string): Json {
  if (other === true) return schema;
  if (typeof other !== 'object' || other === null) return other;
  const result: Record<string, unknown> = { ...schema };
  for (const [key, value] of Object.entries(other)) {
    const same = JSON.stringify(result[key]) === JSON.stringify(value);
    if (Object.hasOwn(result, key) && !same && !notes.has(key)) {
      throw new UsageError(
        `the JSON schema says ${quoted(key)} twice, beside ${keyword} and in it: say it in one place`,
      );
    }
    Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return result;
}

/** Formats that are enforced, as regular expressions; others are notes, as the standard has it. */
export const formats: ReadonlyMap<string, string> = new Map([
  ['date', '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$'],
  ['time', '^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$'],
  [
    'date-time',
    '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?' +
      '(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$',
  ],
  ['uuid', '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'],
  [
    'email',
    '^[a-z0-9_+-]{1,32}(\\.[a-z0-9_+-]{1,32}){0,3}@[a-z0-9]{1,32}(\\.[a-z0-9]{1,32}){0,3}\\.[a-z]{2,12}$',
  ],
  ['ipv4', '^((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])$'],
]);
