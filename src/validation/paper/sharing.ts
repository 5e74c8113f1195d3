import type { Config } from '../../sim/config.ts';
import type { Case } from '../case.ts';
import type { Chart } from '../study.ts';
import { paperVllm } from './setup.ts';
import { runWindow, type Span } from './window.ts';

type Kind = 'parallel' | 'beam';

/** Fig. 15: percent of the blocks that sharing saves on Alpaca, for 2, 4 and 6 sequences. */
const alpaca: Record<Kind, readonly (readonly [sequences: number, saving: number])[]> = {
  parallel: [
    [2, 6.09],
    [4, 8.53],
    [6, 9.79],
  ],
  beam: [
    [2, 37.56],
    [4, 53.13],
    [6, 55.16],
  ],
};

/** §6.3, text: from 2 sequences to 6. */
const sharegpt: Record<Kind, readonly [number, number]> = { parallel: [16.2, 30.5], beam: [44.3, 66.3] };

/** As `fig15.sh`, shorter; from its middle on. For ShareGPT no rate is printed: one that fills the memory. */
const runs: Record<'alpaca' | 'sharegpt', { config: Config; span: Span }> = {
  alpaca: {
    config: { workload: 'alpaca', request_rate: 20 },
    span: { duration: 180, from: 90, to: 180 },
  },
  sharegpt: {
    config: { workload: 'sharegpt', request_rate: 1 },
    span: { duration: 900, from: 300, to: 900 },
  },
};

/** Blocks saved ÷ blocks without sharing, in percent, from the mean reference count (`plot_fig15.py`). */
function saving(workload: 'alpaca' | 'sharegpt', kind: Kind, sequences: number): number {
  const { config, span } = runs[workload];
  const sampling = kind === 'beam' ? { beam_width: sequences } : { n: sequences };
  return 100 * (1 - 1 / runWindow(paperVllm, { ...config, ...sampling }, span).sharing);
}

/** Fig. 15: memory that parallel samples and beams save by sharing blocks. */
export function sharing(): { cases: Case[]; charts: Chart[] } {
  const cases: Case[] = [];
  const charts: Chart[] = [];
  for (const kind of ['parallel', 'beam'] as const) {
    const points: [string, number][] = [];
    const sequences = kind === 'beam' ? 'beams' : 'samples';
    for (const [count, measured] of alpaca[kind]) {
      const predicted = saving('alpaca', kind, count);
      points.push([String(count), predicted]);
      cases.push(savingCase(`OPT-13B, Alpaca, ${count} ${sequences}`, 'Fig. 15', measured, predicted));
    }
    for (const [i, count] of [2, 6].entries()) {
      const measured = sharegpt[kind][i]!;
      const predicted = saving('sharegpt', kind, count);
      cases.push(savingCase(`OPT-13B, ShareGPT, ${count} ${sequences}`, '§6.3', measured, predicted));
    }
    charts.push({
      title: kind === 'beam' ? 'Beam search, Alpaca (Fig. 15b)' : 'Parallel sampling, Alpaca (Fig. 15a)',
      kind: 'bars',
      x: { label: sequences },
      y: { label: '% of blocks saved' },
      series: [
        {
          name: 'saved by sharing',
          points,
          published: alpaca[kind].map(([count, saved]) => [String(count), saved] as const),
        },
      ],
    });
  }
  return { cases, charts };
}

function savingCase(what: string, place: string, measured: number, predicted: number): Case {
  return {
    what: `${what}: KV blocks saved by sharing`,
    source: `vLLM paper, ${place}`,
    unit: '%',
    measured,
    predicted,
    points: true,
    ...(place === '§6.3' && {
      note: 'the ends of a range in the text; taken for 2 and 6 sequences, at a rate that it does not name',
    }),
  };
}
