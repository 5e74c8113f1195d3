import type { Listener } from '../core/events.ts';
import type { Policy } from '../core/policies/policy.ts';
import type { Seconds } from '../core/units.ts';
import { LLM } from '../engine/llm.ts';
import type { Config } from '../sim/config.ts';
import type { BackendFlags } from './backend-flags.ts';
import type { ChosenBackend } from './chosen-backend.ts';
import { asFlag, reworded } from './flag-words.ts';
import type { ModelSource } from './model-source.ts';
import { Progress } from './progress.ts';

export interface EngineJob {
  readonly source: ModelSource;
  readonly chosen: ChosenBackend;
  readonly flags: BackendFlags;
  /** Limits and seed. */
  readonly config: Config;
  readonly policy: Policy;
  readonly listener: Listener | undefined;
}

export interface LoadedEngine {
  readonly llm: LLM;
  /** What it took to be ready. */
  readonly loadTime: Seconds;
}

/** The model on its backend, with progress on stderr. @throws UsageError in the words of the command line. */
export async function loadEngine({
  source,
  chosen,
  flags,
  config,
  policy,
  listener,
}: EngineJob): Promise<LoadedEngine> {
  const progress = new Progress();
  const begin = performance.now();
  try {
    progress.update(0, `loading ${source.name}`);
    const llm = await LLM.load({
      model: source.folder,
      policy,
      listener,
      seed: config.seed,
      blockSize: config.block_size,
      maxModelLen: config.max_model_len,
      maxNumSeqs: config.max_num_seqs,
      maxNumBatchedTokens: config.max_num_batched_tokens,
      numBlocks: config.num_gpu_blocks_override,
      backend: chosen.backend,
      adapter: chosen.adapter,
      dtype: chosen.dtype,
      gpuMemory: flags.gpuMemory,
      unsafeFast: flags.unsafeFast,
      tune: flags.tune,
      onLoad: share => progress.update(share, `loading ${source.name}`),
      warn: progress.warn,
    });
    return { llm, loadTime: (performance.now() - begin) / 1000 };
  } catch (error) {
    throw reworded(error, asFlag);
  } finally {
    progress.end();
  }
}
