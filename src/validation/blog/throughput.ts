import type { Study } from '../study.ts';
import { throughputRatios } from './ratios.ts';
import { publishedSpeeds } from './record.ts';
import { userCases } from './users.ts';
import { wasteCases } from './waste.ts';

/** What the first post of the vLLM blog claims, the arithmetic of tutorials, and speeds that others saw. */
export const blogThroughput: Study = {
  name: 'blog-throughput',
  suite: 'blog',
  title: 'The vLLM blog: 14 to 24 times Transformers, 2.2 to 2.5 times TGI',
  needsData: false,
  async run({ progress }) {
    const ratios = await throughputRatios(done => progress?.(0.7 * done, 'throughput'));
    const speeds = await publishedSpeeds();
    progress?.(0.8, 'waste');
    const waste = await wasteCases();
    progress?.(0.95, 'users');
    const users = await userCases();
    return {
      cases: [...ratios.cases, ...speeds, ...waste.cases, ...users.cases],
      charts: [...ratios.charts, waste.chart, users.chart],
      notes: ratios.notes,
    };
  },
};
