import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { checkFit, fitNotes } from '../../../src/sim/calibrate/verdict.ts';
import type { LatencyErrors } from '../../../src/sim/cost/overhead-profile.ts';

const errorsOf = (ttft: number, tpot: number, e2el: number): LatencyErrors => {
  const all = (error: number) => ({ mean: error, p50: error, p99: error });
  return { ttft: all(ttft), tpot: all(tpot), e2el: all(e2el) };
};
const fitted = (after: LatencyErrors, before = errorsOf(0.3, 0.3, 0.3)) => ({ errors: { before, after } });

test('a good fit needs no word', () => {
  expect(fitNotes(fitted(errorsOf(0.01, -0.02, 0)))).toEqual([]);
  expect(() => checkFit(fitted(errorsOf(0.4, -0.2, 0)), 'b.json')).not.toThrow();
});

test('a fit that leaves a mean wrong is warned of, loudly', () => {
  const [warning, ...others] = fitNotes(fitted(errorsOf(-0.25, 0.01, 0.21)));
  expect(warning).toMatch(/^WARNING: .*mean of TTFT \(-25\.0 %\), E2EL \(\+21\.0 %\) is still wrong/);
  expect(others).toEqual([]);
});

test('what became worse is named', () => {
  const [note] = fitNotes(fitted(errorsOf(0.152, 0, 0), errorsOf(0.116, 0.1, 0.1)));
  expect(note).toMatch(/^worse after the fit.*: TTFT mean \(\+11\.6 % to \+15\.2 %\), TTFT p50 \(/);
});

test.each([
  ['much too fast', -0.999],
  ['much too slow', 17.91],
  ['no number', Number.NaN],
])('a simulation that is %s makes no profile', (_, ttft) => {
  const attempt = () => checkFit(fitted(errorsOf(ttft, 0.1, 0.1)), 'b.json');
  expect(attempt).toThrow(UsageError);
  expect(attempt).toThrow(/^b\.json: no overheads .*mean of TTFT \(.*--gpu.*no profile is written$/);
});
