import type { Case } from '../../src/validation/case.ts';
import type { Outcome } from '../../src/validation/run-studies.ts';
import type { Chart, Study } from '../../src/validation/study.ts';

/** A figure that Quire says 3 % too much of, within its bound, unless told otherwise. */
export function figureCase(overrides: Partial<Case> = {}): Case {
  return {
    what: 'batch of orca-max',
    source: 'a paper, Fig. 1',
    unit: '',
    measured: 100,
    predicted: 103,
    bound: 0.05,
    ...overrides,
  };
}

export const chart: Chart = {
  title: 'Requests in a batch',
  kind: 'bars',
  x: { label: 'policy' },
  y: { label: 'requests' },
  series: [{ name: 'simulated', points: [['orca-max', 103]], published: [['orca-max', 100]] }],
};

export function fakeStudy(cases: readonly Case[], overrides: Partial<Study> = {}): Study {
  return {
    name: 'paper-fake',
    suite: 'paper',
    title: 'What a paper says',
    needsData: false,
    run: async () => ({ cases, charts: [chart], notes: [] }),
    ...overrides,
  };
}

export function outcome(cases: readonly Case[], overrides: Partial<Study> = {}): Outcome {
  return { study: fakeStudy(cases, overrides), result: { cases, charts: [], notes: [] } };
}
