import { quoted, UsageError } from '../../core/errors.ts';
import type { Structure } from '../../core/sampling-params.ts';
import { checkDepth } from './json-depth.ts';
import { ofStructure, StructureError } from './structure-error.ts';

/** Fields of a request that say what its output must be, as they come. */
export interface StructureFields {
  readonly response_format?: unknown;
  readonly structured_outputs?: unknown;
}

/** What the output must be; undefined: any text. @throws StructureError that names the field. */
export function structureFrom({
  response_format,
  structured_outputs,
}: StructureFields): Structure | undefined {
  const format = ofStructure(
    () => (isAbsent(response_format) ? undefined : fromFormat(response_format)),
    'response_format',
  );
  const asked = ofStructure(
    () => (isAbsent(structured_outputs) ? undefined : fromOutputs(structured_outputs)),
    'structured_outputs',
  );
  if (format && asked) {
    throw new StructureError(
      'response_format and structured_outputs both say what the output must be: send one of them',
      'structured_outputs',
    );
  }
  return format ?? asked;
}

function fromFormat(format: unknown): Structure | undefined {
  const fields = objectOf(format, 'response_format');
  const { type } = fields;
  switch (type) {
    case 'text':
      return undefined;
    case 'json_object':
      return { type };
    case 'json_schema': {
      const { schema } = objectOf(fields['json_schema'], 'response_format.json_schema');
      return { type, schema: schemaText(schema, 'response_format.json_schema.schema') };
    }
    default:
      throw new UsageError(
        `response_format.type is ${quoted(type)}, but must be "text", "json_object" or "json_schema"`,
      );
  }
}

/** Characters of a schema, a pattern or a grammar; each kind has limits of its own below it. */
const MOST_TEXT = 65_536;

const kinds = ['json', 'regex', 'choice', 'grammar', 'json_object', 'structural_tag'] as const;

/** vLLM's. */
function fromOutputs(outputs: unknown): Structure | undefined {
  const fields = objectOf(outputs, 'structured_outputs');
  const given = kinds.filter(kind => !isAbsent(fields[kind]) && fields[kind] !== false);
  if (given.length !== 1) {
    const what = given.length === 0 ? 'none of them' : given.join(' and ');
    throw new UsageError(
      `structured_outputs must have one of ${kinds.slice(0, -1).join(', ')}, but has ${what}`,
    );
  }
  if (!isAbsent(fields['whitespace_pattern'])) {
    throw new UsageError(
      'structured_outputs.whitespace_pattern is not supported: use disable_any_whitespace',
    );
  }
  const compact = fields['disable_any_whitespace'] === true;
  const kind = given[0]!;
  const value = fields[kind];
  switch (kind) {
    case 'json':
      return { type: 'json_schema', schema: schemaText(value, 'structured_outputs.json'), compact };
    case 'json_object':
      return { type: 'json_object', compact };
    case 'regex':
      return { type: 'regex', pattern: textOf(value, 'structured_outputs.regex') };
    case 'grammar':
      return { type: 'grammar', grammar: textOf(value, 'structured_outputs.grammar') };
    case 'choice':
      if (Array.isArray(value)) {
        checkDepth(value, 'structured_outputs.choice');
        return { type: 'choice', choices: value.map(choice => textOf(choice, 'structured_outputs.choice')) };
      }
      throw expected('structured_outputs.choice', 'a list of texts', value);
    default:
      throw new UsageError('structured_outputs.structural_tag is not supported: use tools, or a grammar');
  }
}

/** A schema may come as an object, or as its text. */
function schemaText(schema: unknown, field: string): string {
  if (typeof schema === 'string') return textOf(schema, field);
  if (typeof schema === 'boolean') return String(schema);
  const object = objectOf(schema, field);
  checkDepth(object, field);
  return textOf(JSON.stringify(object), field);
}

function objectOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw expected(field, 'an object', value);
}

function textOf(value: unknown, field: string): string {
  if (typeof value !== 'string') throw expected(field, 'a text', value);
  // Here, before it travels to the engine.
  if (value.length <= MOST_TEXT) return value;
  throw new UsageError(`${field} has ${value.length} characters, more than ${MOST_TEXT}`);
}

function expected(field: string, what: string, value: unknown): UsageError {
  return new UsageError(`${field} is ${quoted(value)}, but must be ${what}`);
}

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}
