import { hfStatic } from '../../core/policies/hf-static.ts';
import { tgi3, tgi08 } from '../../core/policies/tgi.ts';
import { vllmV0 } from '../../core/policies/vllm-v0.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import { type Overheads, presetOverheads } from '../../sim/cost/overhead-profile.ts';
import { runtimes } from '../../sim/cost/runtimes.ts';
import { type Engine, type Machine, setUp } from './serve.ts';

/** Longest prompt + output of every script. */
const CONTEXT: Tokens = 2048;

export interface System {
  /** As the charts name it. */
  readonly name: string;
  /** Its settings for requests of `n` answers. */
  engine(machine: Machine, n: number): Engine;
  /** `n` is `best_of`: the server makes n requests of it that know nothing of each other. */
  readonly splits?: boolean;
}

/**
 * Until 0.2 vLLM sampled one sequence after another. vLLM PR #820 made it one operation: 1 / 3.70 s a request
 * became 1 / 4.77 s (Llama-2-13B, A100-80GB, the same script), over 338 tokens each. The presets are of 0.2.
 */
const SEQUENTIAL_SAMPLER: Seconds = (1 / 3.7 - 1 / 4.77) / 338;

/** vLLM 0.1 with the defaults of its release: 2,560 tokens a step, 95 % of the memory (0.9 came later, vllm #1018). */
export const vllm: System = {
  name: 'vLLM',
  engine: () => ({
    policy: vllmV0,
    gpuMemoryUtilization: 0.95,
    limits: { maxModelLen: CONTEXT, maxNumBatchedTokens: 2560 },
    overheads: sequentialSampler(),
  }),
};

function sequentialSampler(): Overheads {
  const preset = presetOverheads(runtimes[vllmV0.runtime]);
  return { ...preset, perSequence: preset.perSequence + SEQUENTIAL_SAMPLER };
}

/**
 * `run_hf`: batches of at most `hf_max_batch_size` prompts. The blog does not say which; this is the largest
 * that cannot run out on any batch the script may form, n rows of 2,048 tokens each a prompt. PyTorch takes
 * what memory there is.
 */
export const hf: System = {
  name: 'HF',
  engine(machine, n) {
    const engine: Engine = {
      policy: hfStatic,
      gpuMemoryUtilization: 1,
      limits: { maxModelLen: CONTEXT },
    };
    const batch = Math.max(1, Math.floor(copied(machine, engine) / (n * CONTEXT)));
    return { ...engine, limits: { maxModelLen: CONTEXT, maxNumSeqs: batch * n } };
  },
};

/**
 * TGI 0.8 as `launch_tgi_server.sh` starts it: 1,024 tokens of prompt, 2,048 in all, and as
 * `--max-batch-total-tokens` what cannot run out.
 */
export const tgi08Server: System = {
  name: 'TGI 0.8',
  splits: true,
  engine(machine) {
    const engine: Engine = {
      policy: tgi08,
      gpuMemoryUtilization: 1,
      limits: { maxModelLen: CONTEXT },
    };
    return { ...engine, limits: { maxModelLen: CONTEXT, maxBatchTotalTokens: copied(machine, engine) } };
  },
};

/** The TGI of today, which pages. It measures the memory at warm-up and keeps 5 % of it back. */
export const tgi3Server: System = {
  name: 'TGI 3',
  splits: true,
  engine: () => ({ policy: tgi3, gpuMemoryUtilization: 0.95, limits: { maxModelLen: CONTEXT } }),
};

export const systems: readonly System[] = [hf, tgi08Server, vllm, tgi3Server];

/** Tokens of KV that fit where a step needs the old tensors and the new ones. */
function copied(machine: Machine, engine: Engine): Tokens {
  return Math.floor(setUp(machine, engine).slots / 2);
}
