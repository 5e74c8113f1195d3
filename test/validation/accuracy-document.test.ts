import { expect, test } from 'vitest';
import { accuracyDocument } from '../../src/validation/accuracy-document.ts';
import { summary } from '../../src/validation/summary.ts';
import { figureCase, outcome } from './fake.ts';

const { bound: _, ...free } = figureCase({ what: 'unbounded', predicted: 70 });
const cases = [
  figureCase(),
  figureCase({ what: 'tokens of vllm', measured: 96.3, predicted: 92, unit: '%', points: true, bound: 3 }),
  figureCase({
    what: 'speedup a|b',
    measured: [14, 24],
    predicted: 30,
    unit: '×',
    bound: 0.15,
    note: 'disputed',
  }),
  free,
];

test('the document opens with what is beyond its bound, then the largest errors', () => {
  const text = accuracyDocument([outcome(cases)]);
  expect(text).toContain('**4 cases, 3 of them with a bound; 2 beyond it, 0 short of what was aimed at.**');
  const worst = text.split('## The vLLM paper')[0]!;
  const rows = worst.split('\n').filter(line => line.startsWith('| paper-fake'));
  expect(rows.map(row => row.split(' | ')[1])).toEqual([
    'speedup a\\|b',
    'tokens of vllm',
    'unbounded',
    'batch of orca-max',
  ]);
  expect(rows[0]).toBe(
    '| paper-fake | speedup a\\|b | a paper, Fig. 1 | 14–24 × | 30 × | **+25.0 %** | 15 % | disputed |',
  );
});

test('every study has its summary, its table and its notes, suites in their order', () => {
  const text = accuracyDocument([
    { ...outcome([figureCase()], { name: 'late', suite: 'vendor', title: 'Late' }) },
    { study: outcome([]).study, result: { cases, charts: [], notes: ['All at once.', 'No clock.'] } },
  ]);
  expect(text.match(/^##+ .*/gm)).toEqual([
    '## The vLLM paper',
    '### What a paper says',
    '## Published benchmarks',
    '### Late',
  ]);
  expect(text).toContain(
    '`paper-fake`: 4 cases (1 without a bound), worst error -30.0 % (unbounded), 2 beyond their bound.',
  );
  expect(text).toContain('- All at once.\n- No clock.');
  expect(text).not.toMatch(/\n\n\n|undefined|NaN|\d{4}-\d\d-\d\d/);
});

test('a study without cases says so', () => {
  expect(accuracyDocument([outcome([])])).toContain('`paper-fake`: no cases.');
});

test('a summary counts, and an error that is no number is the worst', () => {
  expect(summary([figureCase()])).toBe(
    '1 case, worst error +3.0 % (batch of orca-max), none beyond its bound',
  );
  const broken = figureCase({ what: 'broken', predicted: Number.NaN });
  expect(summary([figureCase({ predicted: 900 }), broken])).toBe(
    '2 cases, worst error no figure (broken), 2 beyond their bound',
  );
});

test('what was aimed at and missed is counted and stands among the worst, however small', () => {
  const missed = figureCase({ what: 'missed', predicted: 102, bound: 0.15, aim: 0.01 });
  const large = Array.from({ length: 12 }, (_, i) => figureCase({ what: `large ${i}`, predicted: 104 }));
  const text = accuracyDocument([outcome([...large, missed])]);
  expect(text).toContain('0 beyond it, 1 short of what was aimed at.**');
  expect(text).toContain('none beyond its bound, 1 short of its aim.');
  const rows = text.split('\n').filter(line => line.startsWith('| paper-fake'));
  expect(rows).toHaveLength(10);
  expect(rows[0]).toContain('| missed | a paper, Fig. 1 | 100 | 102 | +2.0 % | 15 %, aim 1 % |');
});
