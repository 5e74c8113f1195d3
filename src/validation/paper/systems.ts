import { fasterTransformer } from '../../core/policies/faster-transformer.ts';
import { orcaMax, orcaOracle, orcaPow2 } from '../../core/policies/orca.ts';
import type { Limits, Policy } from '../../core/policies/policy.ts';
import type { Tokens } from '../../core/units.ts';
import type { CostModel } from '../../sim/cost/cost-model.ts';
import { paperCost, type Sampler, SharedPrefixCost } from './engine.ts';
import { paperVllm, serving } from './setup.ts';

/** One line of the paper's figures. */
export interface System {
  readonly name: SystemName;
  readonly policy: Policy;
  readonly limits: Partial<Limits>;
  /** Instead of the server's KV memory. */
  readonly kvSlots?: Tokens;
  /** What its engine makes of the price of a step. */
  readonly cost?: (cost: CostModel) => CostModel;
}

export type SystemName = 'faster-transformer' | 'orca-max' | 'orca-pow2' | 'orca-oracle' | 'vllm-v0';

const limits: Partial<Limits> = {
  maxModelLen: serving.max_model_len,
  maxNumSeqs: serving.max_num_seqs,
  maxNumBatchedTokens: serving.max_num_batched_tokens,
};

const random: Sampler = { kind: 'random', sequences: 1 };

export function orca(reserve: 'max' | 'pow2' | 'oracle', sampler = random): System {
  const policy = { max: orcaMax, pow2: orcaPow2, oracle: orcaOracle }[reserve];
  return { name: `orca-${reserve}`, policy, limits, cost: cost => paperCost(cost, sampler) };
}

export function vllm(sampler = random): System {
  return { name: 'vllm-v0', policy: paperVllm, limits, cost: cost => paperCost(cost, sampler) };
}

/**
 * The paper's vLLM with a prefix that the provider has set aside (§4.4): its whole blocks are computed once. The
 * prefix cache does the same here, for nothing else is shared.
 */
export function vllmWithPrefix(prefix: Tokens, sampler: Sampler): System {
  const { memory } = paperVllm;
  const whole = Math.floor(prefix / 16) * 16;
  return {
    ...vllm(sampler),
    policy: { ...paperVllm, memory: memory.kind === 'paged' ? { ...memory, prefixCaching: true } : memory },
    cost: cost => new SharedPrefixCost(paperCost(cost, sampler), whole),
  };
}

/**
 * The batch size is what the authors found to fit (`run_13b.py` and its like): FasterTransformer's buffers are
 * as long as the batch needs, so it is neither a number of longest contexts nor the same for every data set.
 */
export function fasterTransformerOf(batch: number): System {
  const { max_model_len: maxModelLen } = serving;
  return {
    name: 'faster-transformer',
    policy: fasterTransformer,
    limits: { maxModelLen, maxNumSeqs: batch },
    kvSlots: batch * maxModelLen,
  };
}
