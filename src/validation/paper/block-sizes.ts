import type { Policy } from '../../core/policies/policy.ts';
import type { Config } from '../../sim/config.ts';
import type { Case } from '../case.ts';
import type { Chart } from '../study.ts';
import { paperVllm } from './setup.ts';
import { runWindow } from './window.ts';

const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

/** Normalised latency by block size, seconds a token. */
type Latencies = [size: number, latency: number][];

/** `fig18-b.sh` and `fig19-b.sh`: the edge of what vLLM can serve. */
const loads = {
  sharegpt: { workload: 'sharegpt', request_rate: 2.01 },
  alpaca: { workload: 'alpaca', request_rate: 30.1 },
} as const satisfies Record<string, Config>;

function latencies(config: Config, policy: Policy = paperVllm): Latencies {
  // All requests are served and counted; the artifact sent them for ten minutes.
  const duration = config === loads.alpaca ? 300 : 600;
  const span = { duration, from: 0, to: Number.POSITIVE_INFINITY };
  return sizes.map(size => [
    size,
    runWindow(policy, { ...config, block_size: size }, span).normalizedLatency,
  ]);
}

/** Fig. 18b and 19b: which block size is best, and whether to swap or to recompute. */
export function blockSizes(): { cases: Case[]; charts: Chart[] } {
  const sharegpt = latencies(loads.sharegpt);
  const alpaca = latencies(loads.alpaca);
  const swapped = latencies(loads.sharegpt, { ...paperVllm, preemption: 'swap' });
  return {
    cases: [
      bestCase('ShareGPT at 2.01', [16, 128], sharegpt),
      bestCase('Alpaca at 30.1', [16, 32], alpaca),
      ...([16, 32, 64] as const).map(size => comparableCase(size, swapped, sharegpt)),
    ],
    charts: [
      chart('Block size, ShareGPT and Alpaca (Fig. 18b)', { ShareGPT: sharegpt, Alpaca: alpaca }),
      chart('Preemption, ShareGPT (Fig. 19b)', { recompute: sharegpt, swap: swapped }),
    ],
  };
}

function bestCase(load: string, measured: readonly [number, number], by: Latencies): Case {
  const best = by.reduce((a, b) => (b[1] < a[1] ? b : a));
  return {
    what: `OPT-13B, ${load} requests/s: block size with the lowest latency`,
    source: 'vLLM paper, §7.2, Fig. 18b',
    unit: '',
    measured,
    predicted: best[0],
    bound: 0,
  };
}

function comparableCase(size: number, swap: Latencies, recompute: Latencies): Case {
  const at = (by: Latencies) => by.find(([of]) => of === size)![1];
  return {
    what: `OPT-13B, ShareGPT at 2.01 requests/s, blocks of ${size}: latency with recomputation ÷ with swapping`,
    source: 'vLLM paper, §7.3, Fig. 19b',
    unit: '×',
    measured: 1,
    predicted: at(recompute) / at(swap),
    note: 'the paper says "comparable", and prints no number',
  };
}

function chart(title: string, lines: Record<string, Latencies>): Chart {
  return {
    title,
    kind: 'lines',
    x: { label: 'block size', log: true },
    y: { label: 'normalised latency, s/token', log: true },
    series: Object.entries(lines).map(([name, points]) => ({ name, points })),
  };
}
