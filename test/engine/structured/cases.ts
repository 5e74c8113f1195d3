import type { Structure } from '../../../src/core/sampling-params.ts';
import { isValid } from './validate-json.ts';

/** A structure, and what outputs that ended by themselves must be. */
export interface Case {
  readonly structure: Structure;
  readonly fits: (text: string) => boolean;
}

const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 12 },
    age: { type: 'integer', minimum: 0, maximum: 150 },
    tags: { type: 'array', items: { enum: ['red', 'blue', 'näh'] }, maxItems: 3 },
    id: { type: 'string', pattern: '^[A-Z]{2}-\\d{1,4}$' },
  },
  required: ['name', 'age', 'id'],
};
export const cases: readonly Case[] = [
  {
    structure: { type: 'json_schema', schema: JSON.stringify(schema) },
    fits: text => isValid(schema, JSON.parse(text)),
  },
  {
    structure: { type: 'regex', pattern: '[a-z]{1,9}@[a-z]{2,9}\\.(com|org)' },
    fits: text => /^[a-z]{1,9}@[a-z]{2,9}\.(com|org)$/.test(text),
  },
  {
    structure: { type: 'choice', choices: ['yes', 'no', 'yes, but'] },
    fits: text => ['yes', 'no', 'yes, but'].includes(text),
  },
];
