import { asKnown } from './missed.ts';
import type { Study, StudyContext, StudyResult } from './study.ts';

export interface Outcome {
  readonly study: Study;
  readonly result: StudyResult;
}

/** Runs studies one after the other, in their order. @throws UsageError of a study that cannot read its data. */
export async function runStudies(studies: readonly Study[], context: StudyContext): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [i, study] of studies.entries()) {
    const report = (done: number, label: string) =>
      context.progress?.((i + done) / studies.length, label ? `${study.name}: ${label}` : study.name);
    report(0, '');
    const result = await study.run({ ...context, progress: report });
    outcomes.push({ study, result: { ...result, cases: result.cases.map(of => asKnown(study.name, of)) } });
  }
  return outcomes;
}
