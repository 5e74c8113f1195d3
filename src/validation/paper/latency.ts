import type { Study, StudyContext, StudyResult } from '../study.ts';
import { fasterTransformerCase, findKnees, sectionOf } from './figure-12.ts';
import { sampling } from './figure-14.ts';
import { sharedPrefix } from './figure-16.ts';
import { chatbot } from './figure-17.ts';
import { figure12, figure14 } from './latency-record.ts';
import { LIMIT, type Report } from './section.ts';
import { stepCases } from './step-times.ts';

export const paperLatency: Study = {
  name: 'paper-latency',
  suite: 'paper',
  title: 'At what request rate does latency blow up, and how much later does it for vLLM?',
  needsData: false,
  run,
};

/** Searches of Fig. 12, its strict ones, those of Figs. 14, 16 and 17. */
const SEARCHES = 5 * figure12.length + 3 + figure14.length + 2 + 4;

async function run(context: StudyContext): Promise<StudyResult> {
  let done = 0;
  const report: Report = async label => {
    context.progress?.(Math.min(1, done++ / SEARCHES), label);
    await Promise.resolve();
  };
  const found = await findKnees(report);
  const basic = found.get(
    figure12.find(({ model, lengths }) => model === 'opt-13b' && lengths === 'alpaca')!,
  )!;
  const sections = [
    sectionOf(found),
    await sampling(report, { vllm: basic['vllm-v0'], oracle: basic['orca-oracle'] }),
    await sharedPrefix(report),
    await chatbot(report),
  ];
  return {
    cases: [
      ...sections[0]!.cases,
      await fasterTransformerCase(report),
      ...sections.slice(1).flatMap(section => section.cases),
      ...stepCases(),
    ],
    charts: sections.flatMap(section => section.charts),
    notes: [
      `a knee is the rate at which the mean of latency ÷ output length reaches ${LIMIT} s, half the paper's axis`,
      "ranges of requests/s are the rates in the authors' scripts: a line that leaves the plot does so among them",
      'lengths are drawn from distributions with the means of the paper, not from its data sets',
    ],
  };
}
