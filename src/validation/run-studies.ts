import { UsageError } from '../core/errors.ts';
import { NoKernels } from '../sim/kernels/table-files.ts';
import { asKnown } from './missed.ts';
import type { Study, StudyContext, StudyResult } from './study.ts';

export interface Outcome {
  readonly study: Study;
  readonly result: StudyResult;
}

/** What a study reads is not in the folder. It is left out then, which is no failure. */
export class AbsentData extends UsageError {}

/**
 * Runs studies one after the other, in their order. Among several, one that cannot run takes none of the others with
 * it: without data it has no cases and says why, and for any other reason it has one that is crossed.
 *
 * @throws UsageError of a study that is run alone and cannot.
 */
export async function runStudies(studies: readonly Study[], context: StudyContext): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [i, study] of studies.entries()) {
    const report = (done: number, label: string) =>
      context.progress?.((i + done) / studies.length, label ? `${study.name}: ${label}` : study.name);
    report(0, '');
    const result = await resultOf(study, { ...context, progress: report }, studies.length === 1);
    outcomes.push({ study, result: { ...result, cases: result.cases.map(of => asKnown(study.name, of)) } });
  }
  return outcomes;
}

async function resultOf(study: Study, context: StudyContext, alone: boolean): Promise<StudyResult> {
  try {
    return await study.run(context);
  } catch (error) {
    if (alone || !(error instanceof UsageError)) throw error;
    const { message } = error;
    if (error instanceof AbsentData || error instanceof NoKernels) {
      return { cases: [], charts: [], notes: [`left out: ${message}`] };
    }
    const nothing = { measured: Number.NaN, predicted: Number.NaN };
    const failure = {
      what: 'could not run',
      source: study.name,
      unit: '',
      ...nothing,
      bound: 0,
      note: message,
    };
    return { cases: [failure], charts: [], notes: [] };
  }
}
