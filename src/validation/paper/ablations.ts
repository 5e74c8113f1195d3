import type { Study } from '../study.ts';
import { blockSizes } from './block-sizes.ts';
import { sharing } from './sharing.ts';
import { swapping } from './swap.ts';

/** What sharing saves, which block size is best, swap or recompute: Fig. 15, 18b and 19 of the vLLM paper. */
export const paperAblations: Study = {
  name: 'paper-ablations',
  suite: 'paper',
  title: 'What sharing, the block size and the way of preemption are worth',
  needsData: false,
  async run(context) {
    context.progress?.(0, 'sharing');
    const shared = sharing();
    context.progress?.(1 / 3, 'block sizes');
    const sized = blockSizes();
    const swapped = swapping();
    return {
      cases: [...shared.cases, ...sized.cases, ...swapped.cases],
      charts: [...shared.charts, ...sized.charts, ...swapped.charts],
      notes: [
        'How often a beam is replaced is fitted to the savings of beam search; the parallel samples are not fitted.',
        'Fig. 18b and 19 print no numbers: what the text says of them is held against the table, and their shapes ' +
          'are in the figure. How much slower the paged kernel is with small blocks is an estimate.',
      ],
    };
  },
};
