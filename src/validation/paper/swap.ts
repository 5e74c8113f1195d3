import { invariant } from '../../core/invariant.ts';
import { StepPlan } from '../../core/step-plan.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import { CostModel } from '../../sim/cost/cost-model.ts';
import { runtimes } from '../../sim/cost/runtimes.ts';
import { shapeOf } from '../../sim/cost/step-shape.ts';
import { term } from '../../sim/cost/terms.ts';
import { findGpu } from '../../sim/hardware/catalogue.ts';
import type { Case } from '../case.ts';
import type { Chart } from '../study.ts';
import { modelOf, servers } from './setup.ts';

const sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

/** KV that is moved or computed again (`benchmark_swap.py`, `benchmark_recomp.py`). */
const CONTEXT: Tokens = 256;

const still = shapeOf(new StepPlan(0, 0), 16);

/** Fig. 19a: what it costs to swap 256 tokens out and in again, and to compute them again. */
export function swapping(): { cases: Case[]; charts: Chart[] } {
  const { model, gpu: name } = servers['opt-13b'];
  const gpu = findGpu(name);
  invariant(gpu, () => `no GPU is called ${name}`);
  const common = { model: modelOf(model), gpu, tensorParallel: 1, weights: 'fp16', kv: 'fp16' } as const;
  const cost = new CostModel({ ...common, runtime: runtimes['vllm-v0'], blockSize: 16 });
  // One way; the other costs the same.
  const swap = (size: number): Seconds =>
    cost.price({ ...still, swappedTokens: CONTEXT, swappedBlocks: CONTEXT / size }).terms[term.swap]!;
  const recompute = cost.price({
    ...still,
    tokens: CONTEXT,
    sampled: 1,
    sequences: 1,
    prefills: [{ rows: 1, chunk: CONTEXT, past: 0 }],
  }).seconds;
  const ms = (seconds: (size: number) => Seconds) => sizes.map(size => [size, 1000 * seconds(size)] as const);
  const worst = Math.max(...sizes.map(size => recompute / (2 * swap(size))));
  return {
    cases: [
      {
        what: 'OPT-13B, 256 tokens: time to recompute ÷ to swap out and in, most over block sizes 1 to 256',
        source: 'vLLM paper, §7.3, Fig. 19a',
        unit: '×',
        measured: [0, 1.2],
        predicted: worst,
        bound: 0,
        note: 'printed as "never higher than 20 % of swapping\'s latency", which can only mean 20 % above it',
      },
    ],
    charts: [
      {
        title: '256 tokens swapped or recomputed (Fig. 19a)',
        kind: 'lines',
        x: { label: 'block size', log: true },
        y: { label: 'ms' },
        series: [
          { name: 'recompute', points: ms(() => recompute) },
          { name: 'swap in or out', points: ms(swap) },
          { name: 'swap in + out', points: ms(size => 2 * swap(size)) },
        ],
      },
    ],
  };
}
