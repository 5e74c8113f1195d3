import { expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { NoKernels } from '../../src/sim/kernels/table-files.ts';
import { AbsentData, runStudies } from '../../src/validation/run-studies.ts';
import { crossings } from '../../src/validation/summary.ts';
import { fakeStudy, figureCase } from './fake.ts';

const good = fakeStudy([figureCase()], { name: 'good' });
const failing = (error: Error) =>
  fakeStudy([], {
    name: 'failing',
    run: async () => {
      throw error;
    },
  });

test('a study that cannot run takes no other with it, and is a failure that the table shows', async () => {
  const outcomes = await runStudies([failing(new UsageError('a.csv: no column isl')), good], {});
  expect(outcomes.map(({ study }) => study.name)).toEqual(['failing', 'good']);
  expect(crossings(outcomes)).toMatchObject([
    { study: 'failing', case: { what: 'could not run', note: 'a.csv: no column isl' } },
  ]);
});

test.each([new AbsentData('data: no ground_truth.csv'), new NoKernels('data: no kernel tables of h100')])(
  'a study without its data is left out, which fails nothing: %s',
  async error => {
    const outcomes = await runStudies([failing(error), good], {});
    expect(crossings(outcomes)).toEqual([]);
    expect(outcomes[0]!.result).toEqual({ cases: [], charts: [], notes: [`left out: ${error.message}`] });
  },
);

test('alone, what stops a study stops whoever asked for it; a bug stops them all', async () => {
  await expect(runStudies([failing(new UsageError('no column isl'))], {})).rejects.toThrow('no column isl');
  await expect(runStudies([failing(new TypeError('a bug')), good], {})).rejects.toThrow(TypeError);
});
