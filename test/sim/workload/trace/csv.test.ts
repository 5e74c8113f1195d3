import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnNames, splitRow } from '../../../../src/sim/workload/trace/csv.ts';

test('rows split at commas, but not inside quotes', () => {
  expect(splitRow('1,2,,3')).toEqual(['1', '2', '', '3']);
  expect(splitRow('1,"a, ""b""",3')).toEqual(['1', 'a, "b"', '3']);
  expect(splitRow('')).toEqual(['']);
});

test('any fields survive quoting', () => {
  const field = fc.string().map(text => text.replace(/[\r\n]/g, ' '));
  fc.assert(
    fc.property(fc.array(field, { minLength: 1 }), fields => {
      expect(splitRow(fields.map(text => `"${text.replaceAll('"', '""')}"`).join(','))).toEqual(fields);
    }),
  );
});

test('column names are trimmed', () => {
  expect(columnNames(' a, "b c" ,d')).toEqual(['a', '"b c" ', 'd'].map(name => name.trim()));
});
