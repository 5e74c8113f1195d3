import { fasterTransformer } from '../../core/policies/faster-transformer.ts';
import type { Policy } from '../../core/policies/policy.ts';
import { vllmV0 } from '../../core/policies/vllm-v0.ts';
import { setUpEngine } from '../../sim/engine-setup.ts';
import { findGpu } from '../../sim/hardware/catalogue.ts';
import type { Case } from '../case.ts';
import { modelOf, servers } from './setup.ts';

/** DistServe's fit of a decoding step: ms = fixed + perToken · Σ context + perSequence · batch. */
interface Fit {
  readonly engine: string;
  readonly policy: Policy;
  readonly model: 'opt-13b' | 'opt-66b';
  readonly fixed: number;
  readonly perToken: number;
  readonly perSequence: number;
}

const fits: readonly Fit[] = [
  {
    engine: 'its C++ engine',
    policy: fasterTransformer,
    model: 'opt-13b',
    fixed: 19.93,
    perToken: 6.27e-4,
    perSequence: 0.0385,
  },
  {
    engine: 'vLLM of 2023',
    policy: vllmV0,
    model: 'opt-13b',
    fixed: 23.48,
    perToken: 5.93e-4,
    perSequence: 0.0607,
  },
  {
    engine: 'its C++ engine',
    policy: fasterTransformer,
    model: 'opt-66b',
    fixed: 30.76,
    perToken: 4.52e-4,
    perSequence: 0.0633,
  },
];

/** Batches of the paper's Orca (Max) and vLLM on ShareGPT: sequences, and tokens of them all. */
const batches = [
  [7, 2300],
  [30, 11_000],
] as const;

/**
 * The steps that the knees rest on, against measured ones that had no part in them (A100-80GB). Released vLLM,
 * as `vllm-v0` is without what the paper's engine had on top (`paperCost`).
 */
export function stepCases(): Case[] {
  return fits.flatMap(fit =>
    batches.map(([sequences, context]): Case => {
      const { cost } = setUpEngine({
        policy: fit.policy,
        model: modelOf(fit.model),
        gpu: findGpu('a100-80g')!,
        tensorParallel: servers[fit.model].tensor_parallel,
        weights: 'fp16',
        kv: 'fp16',
        gpuMemoryUtilization: 1,
        kvSlots: servers[fit.model].kv_slots,
      });
      const step = cost.price({
        tokens: sequences,
        sampled: sequences,
        sequences,
        decodes: sequences,
        decodeKv: context,
        shortestKv: 0,
        longestKv: 0,
        prefills: [],
        copiedTokens: 0,
        swappedTokens: 0,
        swappedBlocks: 0,
      });
      return {
        what: `${fit.model} on a100-80g, ${sequences} sequences of ${context} tokens: step of ${fit.policy.name}`,
        source: `DistServe (OSDI 2024), its simulator's fit to ${fit.engine}`,
        unit: 'ms',
        measured: fit.fixed + fit.perToken * context + fit.perSequence * sequences,
        predicted: step.seconds * 1e3,
        bound: 0.15,
      };
    }),
  );
}
