import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isCrossed } from '../../src/validation/case.ts';
import { asKnown, knownMisses } from '../../src/validation/missed.ts';
import { figureCase } from './fake.ts';

interface Recorded {
  readonly what: string;
  readonly error: number | null;
  readonly aim?: number;
}

test('what is on the list of misses is missed: in the committed document each is beyond its aim', () => {
  const { studies } = JSON.parse(readFileSync('docs/accuracy.json', 'utf8')) as {
    studies: { name: string; cases: Recorded[] }[];
  };
  expect(knownMisses().length).toBeGreaterThan(0);
  for (const { study, what } of knownMisses()) {
    const found = studies.find(({ name }) => name === study)?.cases.find(of => of.what === what);
    expect(found, `${study}: ${what} is no case any more`).toBeDefined();
    expect(found!.aim, what).toBeDefined();
    if (found!.error !== null)
      expect(Math.abs(found!.error), `${what} is met again`).toBeGreaterThan(found!.aim!);
  }
});

test('a known miss fails nothing, keeps its bound as an aim, and says why; others keep their bound', () => {
  const { study, what } = knownMisses()[0]!;
  const of = figureCase({ what, predicted: 200, note: 'a note' });
  expect(isCrossed(of)).toBe(true);
  const known = asKnown(study, of);
  expect(isCrossed(known)).toBe(false);
  expect(known).toMatchObject({ aim: of.bound, note: expect.stringMatching(/^a note; ./) });
  expect(known.bound).toBeUndefined();
  expect(asKnown('another study', of)).toBe(of);
});
