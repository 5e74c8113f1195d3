import { UsageError } from '../../core/errors.ts';
import { continuous } from '../../core/policies/batchings.ts';
import type { Policy } from '../../core/policies/policy.ts';
import { vllmV0 } from '../../core/policies/vllm-v0.ts';
import type { Seconds } from '../../core/units.ts';
import type { Config } from '../../sim/config.ts';
import { findModel } from '../../sim/models/catalogue.ts';
import type { Model } from '../../sim/models/model.ts';

/**
 * The vLLM paper's servers (SOSP 2023, Table 1) as parts of a config. `kv_slots` is the KV memory printed
 * there over the bytes of a token: 12, 21 and 264 GiB; for OPT-66B "21 GB" is rounded.
 */
export const servers = {
  'opt-13b': { model: 'opt-13b', gpu: 'a100-40g', tensor_parallel: 1, kv_slots: 15_728 },
  'opt-66b': { model: 'opt-66b', gpu: 'a100-40g', tensor_parallel: 4, kv_slots: 9_557 },
  'opt-175b': { model: 'opt-175b', gpu: 'a100-80g', tensor_parallel: 8, kv_slots: 60_074 },
} as const satisfies Record<string, Config>;

/**
 * How the authors ran every system, their Orcas too (the paper's artifact, sosp-ae-astra: `server.py`,
 * `trace.py`): at most 2,560 tokens and 2,048 requests an iteration, OPT's context, and requests whose
 * outputs have the length of the data set's, end of sequence ignored.
 */
export const serving = {
  max_model_len: 2048,
  max_num_batched_tokens: 2560,
  max_num_seqs: 2048,
} as const satisfies Config;

/**
 * The paper's vLLM: "all tokens for prompt phase requests and the latest tokens for generation phase
 * requests" go into one iteration (§4.3). Prefills first, as in `vllm-v0`, came after the paper.
 */
export const paperVllm: Policy = { ...vllmV0, batching: continuous('none') };

/**
 * CPU time of an iteration of the authors' prototype, and of each sequence in it. All its systems share
 * it, the Orcas too. vLLM 0.2, which `vllm-v0` is priced as, needs a fifth a sequence: the prototype
 * samples them one by one, each with a draw of its own and two waits for the GPU (`sample.py`).
 *
 * Found from Fig. 13. Where vLLM keeps up, batch = rate × output length × length of an iteration, so that
 * takes 45.0 ms for 30.42 requests of ShareGPT (2 requests/s, 337.99 tokens) and 75.5 ms for 132.44 of
 * Alpaca (30 requests/s, 58.45 tokens). The GPU's parts of the two differ by 3 ms. What is left for the
 * iteration as such is nothing, within what the GPU's part is known to: 10 % of it are 4 ms.
 */
export const prototypeCpu: { readonly perStep: Seconds; readonly perSequence: Seconds } = {
  perStep: 0,
  perSequence: 240e-6,
};

/** @throws UsageError when there is none of this name. */
export function modelOf(name: string): Model {
  const model = findModel(name);
  if (!model) throw new UsageError(`no model is called ${name}; quire models lists them`);
  return model;
}
