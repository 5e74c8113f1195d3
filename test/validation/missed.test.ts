import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isCrossed } from '../../src/validation/case.ts';
import { asKnown, ceilingOf, knownMisses } from '../../src/validation/missed.ts';
import { figureCase } from './fake.ts';

interface Recorded {
  readonly what: string;
  readonly error: number | null;
  readonly points?: boolean;
  readonly aim?: number;
}

const { studies } = JSON.parse(readFileSync('docs/accuracy.json', 'utf8')) as {
  studies: { name: string; cases: Recorded[] }[];
};

describe('in the committed document', () => {
  test.each(knownMisses())('$study: $what is missed, by about as much as the list says', miss => {
    const { study, what, error } = miss;
    const found = studies.find(({ name }) => name === study)?.cases.find(of => of.what === what);
    expect(found, 'is no case any more').toBeDefined();
    expect(found!.aim, 'is met again').toBeDefined();
    expect(found!.error, 'has no error').not.toBeNull();
    const size = Math.abs(found!.error!);
    expect(size, 'is met again').toBeGreaterThan(found!.aim!);
    expect(size, 'is beyond its ceiling').toBeLessThanOrEqual(ceilingOf(error, found!.points));
    expect(error, 'has come nearer: put its error down again').toBeLessThanOrEqual(
      ceilingOf(size, found!.points),
    );
  });

  test('what is short of an aim is on the list', () => {
    const listed = new Set(knownMisses().map(({ study, what }) => `${study}\n${what}`));
    const short = studies.flatMap(({ name, cases }) =>
      cases.filter(({ aim }) => aim !== undefined).map(({ what }) => `${name}\n${what}`),
    );
    expect(short.filter(miss => !listed.has(miss))).toEqual([]);
  });
});

describe('a known miss', () => {
  const { study, what, error } = knownMisses()[0]!;
  const known = (predicted: number) =>
    asKnown(study, figureCase({ what, predicted: 100 * (1 + predicted), note: 'a note' }));

  test('fails nothing, keeps its bound as an aim, and says why', () => {
    const of = known(error);
    expect(isCrossed(of)).toBe(false);
    expect(of).toMatchObject({
      aim: 0.05,
      bound: ceilingOf(error),
      note: expect.stringMatching(/^a note; ./),
    });
  });

  test('a note that is a sentence is gone on with', () => {
    const of = asKnown(study, figureCase({ what, predicted: 100 * (1 + error), note: 'A sentence.' }));
    expect(of.note).toMatch(/^A sentence; ./);
  });

  test('may not become worse by more than a quarter, nor no number', () => {
    expect(isCrossed(known(1.2 * error))).toBe(false);
    expect(isCrossed(known(1.3 * error))).toBe(true);
    expect(isCrossed(known(Number.NaN))).toBe(true);
  });

  test('that is met has no excuse', () => {
    const met = figureCase({ what, predicted: 103, note: 'a note' });
    expect(asKnown(study, met)).toBe(met);
  });

  test('of another study is none', () => {
    const of = figureCase({ what, predicted: 200 });
    expect(asKnown('another study', of)).toBe(of);
  });
});
