import { describe, expect, test } from 'vitest';
import { errorOf, isCrossed } from '../../src/validation/case.ts';
import { boundText, errorText, measuredText, predictedText } from '../../src/validation/case-text.ts';
import { figureCase } from './fake.ts';

describe('a case as text', () => {
  test.each([
    [{ measured: 30.42, unit: '' }, '30.4'],
    [{ measured: [14, 24] as const, unit: '×' }, '14–24 ×'],
    [{ measured: 28836.77, unit: 'tok/s' }, '28,837 tok/s'],
    [{ measured: 0.01234, unit: 's' }, '0.0123 s'],
    [{ measured: Number.NaN, unit: '' }, '–'],
  ])('measured %o is %s', (overrides, text) => {
    expect(measuredText(figureCase(overrides))).toBe(text);
  });

  test('predicted has the same form', () => {
    expect(predictedText(figureCase({ predicted: 1.23456, unit: 'ms' }))).toBe('1.23 ms');
    expect(predictedText(figureCase({ predicted: Number.NaN, unit: 'ms' }))).toBe('–');
  });

  test.each([
    ['above', { measured: 100, predicted: 103.4 }, '+3.4 %'],
    ['below', { measured: 100, predicted: 92 }, '-8.0 %'],
    ['next to nothing', { measured: 100, predicted: 99.999 }, '0.0 %'],
    ['little, but something', { measured: [8.5, 15] as const, predicted: 8.499 }, '-0.01 %'],
    ['in a range', { measured: [14, 24] as const, predicted: 20 }, 'in range'],
    ['above a range, from its nearer end', { measured: [14, 20] as const, predicted: 24 }, '+20.0 %'],
    ['below a range', { measured: [14, 20] as const, predicted: 7 }, '-50.0 %'],
    ['in points', { measured: 20.4, predicted: 18.1, points: true }, '-2.3 points'],
    ['no number', { measured: 100, predicted: Number.NaN }, 'no figure'],
  ])('error: %s', (_, overrides, text) => {
    expect(errorText(figureCase(overrides))).toBe(text);
  });

  test.each([
    [{ bound: 0.05 }, '5 %'],
    [{ bound: 2, points: true }, '2 points'],
  ])('bound %o is %s', (overrides, text) => {
    expect(boundText(figureCase(overrides))).toBe(text);
  });

  test('a case without a bound is never beyond it, one without a number always', () => {
    const { bound: _, ...free } = figureCase({ predicted: 900 });
    expect(boundText(free)).toBe('–');
    expect(isCrossed(free)).toBe(false);
    expect(isCrossed(figureCase({ predicted: Number.NaN }))).toBe(true);
    expect(isCrossed(figureCase({ predicted: 105 }))).toBe(
      Math.abs(errorOf(figureCase({ predicted: 105 }))) > 0.05,
    );
    expect(isCrossed(figureCase({ predicted: 94.9 }))).toBe(true);
  });
});
