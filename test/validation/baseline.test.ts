import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { baselineText, judge } from '../../src/validation/accuracy.ts';
import { parseBaseline, regressions } from '../../src/validation/baseline.ts';
import type { Case } from '../../src/validation/case.ts';
import { figureCase, outcome } from './fake.ts';

const baselineOf = (cases: readonly Case[]) =>
  parseBaseline(JSON.parse(baselineText([outcome(cases)])), 'baseline.json');

/** What is said of one case that was predicted as `before` and is now as `after`. */
const change = (before: number, after: number, overrides: Partial<Case> = {}) =>
  regressions(
    [outcome([figureCase({ ...overrides, predicted: after })])],
    baselineOf([figureCase({ ...overrides, predicted: before })]),
  ).map(({ became }) => became);

describe('a baseline', () => {
  test('is as before: nothing to say', () => {
    expect(change(103, 103)).toEqual([]);
  });

  test.each([
    ['grew', 103, 103.2, ['worse']],
    ['grew on the other side', 103, 96, ['worse']],
    ['grew by less than a tenth of a point', 103, 103.08, []],
    ['shrank', 103, 101, []],
    ['changed its sign', 103, 97.5, []],
    ['grew over the bound by next to nothing', 104.98, 105.05, ['beyond']],
    ['became no number', 103, Number.NaN, ['worse']],
    ['was no number', Number.NaN, 104, []],
    ['is no number still', Number.NaN, Number.NaN, []],
  ])('the error %s', (_, before, after, expected) => {
    expect(change(before, after)).toEqual(expected);
  });

  test('errors in points grow in points', () => {
    const points = { points: true, measured: 20, bound: 2 };
    expect(change(20.5, 20.55, points)).toEqual([]);
    expect(change(20.5, 20.65, points)).toEqual(['worse']);
  });

  test('a case that vanished is missed, a new one within its bound is not, a new one beyond is', () => {
    const [a, b] = [figureCase({ what: 'a' }), figureCase({ what: 'b' })];
    expect(regressions([outcome([a])], baselineOf([a, b]))).toMatchObject([
      { what: 'b', became: 'vanished' },
    ]);
    expect(regressions([outcome([a, b])], baselineOf([a]))).toEqual([]);
    const beyond = figureCase({ what: 'b', predicted: 200 });
    expect(regressions([outcome([a, beyond])], baselineOf([a]))).toMatchObject([
      { what: 'b', became: 'beyond' },
    ]);
  });

  test('a study that was not run says nothing; one that is gone is missed', () => {
    const before = baselineOf([figureCase()]);
    expect(regressions([], before, ['paper-fake'])).toEqual([]);
    expect(regressions([], before)).toMatchObject([{ study: 'paper-fake', became: 'vanished' }]);
  });

  test('cases of the same name are matched in their order', () => {
    const [good, bad] = [figureCase({ predicted: 101 }), figureCase({ predicted: 104 })];
    expect(regressions([outcome([good, bad])], baselineOf([good, bad]))).toEqual([]);
    expect(regressions([outcome([bad, good])], baselineOf([good, bad]))).toHaveLength(1);
  });

  test('the whole --json serves as well as the short form', () => {
    const [before, after] = [[outcome([figureCase()])], [outcome([figureCase({ predicted: 104 })])]];
    const long = parseBaseline(JSON.parse(JSON.stringify({ quire: {}, studies: judge(before) })), 'x');
    expect(regressions(after, long)).toHaveLength(1);
    expect(regressions(before, long)).toEqual([]);
  });

  test.each([
    [
      'a results file',
      { results: [] },
      /^x\.json: is no baseline \(studies is missing.*expected what quire validate/,
    ],
    ['a list', [], /is no baseline \(it is no JSON object\)/],
    ['null', null, /is no baseline/],
    ['a study without cases', { studies: [{ name: 'a' }] }, /studies\.0\.cases/],
    [
      'an error that is text',
      { studies: [{ name: 'a', cases: [{ what: '', source: '', error: '1' }] }] },
      /error/,
    ],
  ])('refuses %s', (_, value, message) => {
    expect(() => parseBaseline(value, 'x.json')).toThrow(UsageError);
    expect(() => parseBaseline(value, 'x.json')).toThrow(message);
  });

  test('is small: a case a line, four digits', () => {
    const text = baselineText([outcome([figureCase({ predicted: 103.123456 })])]);
    expect(text.split('\n')).toHaveLength(6);
    expect(text).toContain('"predicted":103.1,"error":0.0312,"crossed":false}');
  });
});
