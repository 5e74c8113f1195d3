import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quoted } from '../../src/core/errors.ts';

describe('a value in a message', () => {
  test('is JSON, and of long ones the first hundred characters', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const json = JSON.stringify(value);
        const cut = `${json.slice(0, 99)}…${typeof value === 'string' ? '"' : ''}`;
        expect(quoted(value)).toBe(json.length <= 100 ? json : cut);
      }),
    );
    expect(quoted('x'.repeat(1e6))).toBe(`"${'x'.repeat(98)}…"`);
    expect(quoted({ ['k'.repeat(200)]: 1 })).toBe(`{"${'k'.repeat(97)}…`);
  });

  test('may be nested as deep as a file has it, or hold itself', () => {
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(quoted(deep)).toBe(`${'['.repeat(99)}…`);
    const list: unknown[] = [];
    list.push({ list });
    expect(quoted(list)).toBe(`${'[{"list":'.repeat(11)}…`);
  });

  test('may be none of JSON', () => {
    expect([undefined, Number.NaN, Number.POSITIVE_INFINITY, 7n].map(quoted)).toEqual([
      'undefined',
      'NaN',
      'Infinity',
      '7',
    ]);
    expect(quoted([undefined, Number.NaN])).toBe('[undefined,NaN]');
    expect(quoted(new Date(0))).toBe('"1970-01-01T00:00:00.000Z"');
    expect(quoted(Object.create(null))).toBe('{}');
  });
});
