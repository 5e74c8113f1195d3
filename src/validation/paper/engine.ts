import type { Tokens } from '../../core/units.ts';
import { CostModel } from '../../sim/cost/cost-model.ts';
import type { Runtime } from '../../sim/cost/runtimes.ts';
import type { StepShape } from '../../sim/cost/step-shape.ts';
import type { StepCost } from '../../sim/cost/terms.ts';

/**
 * Ray carried every step of the paper's engine to its workers, even to a single one (`controller.py` of the
 * time; released vLLM does without on one GPU). Vidur's profile of vLLM 0.2 on an A100 has 5.3 to 6.9 ms of
 * it in a step, whatever the model, batch and number of workers.
 */
const RAY = 6.3e-3;

/**
 * Python and PyTorch on the paper's machine against the one that the times below were measured on: Python 3.9
 * on a cloud's cores of 2.2 GHz (GCP A2), and Python 3.12 and PyTorch 2.11 on a current Xeon. An estimate:
 * Transformers' published speeds of 2023 come to 1 to 2.2 times; metaseq's eager OPT-175B, 95 ms a token on
 * eight A100, to 2.5; cacheflow's OPT-13B, 40.5 ms a step before an optimisation in March 2023, to less than 2.7.
 * Of 1, 1.5 and 2, only 2 brings the knees of the larger models on Alpaca to within a tenth of the rates they were run at.
 */
const SLOWER = 2;

/** The sampler drew for one request after the other and waited for the GPU each time (`sample.py`). */
const SAMPLER = { random: 0.17e-3, greedy: 0.055e-3, beam: 0.2e-3 };

/** Operations of a layer, all launched from Python: 0.29 ms; beside other GPUs, two all-reduces more. */
const LAYER = { operations: 19, launch: 15e-6, allReduces: 0.096e-3 };

export interface Sampler {
  readonly kind: keyof typeof SAMPLER;
  /** Sequences of each request: they share its turn. */
  readonly sequences: number;
}

/** The price of a step in the engine of the paper, its Orcas included, given that in vLLM 0.2. */
export function paperCost({ options }: CostModel, { kind, sequences }: Sampler): CostModel {
  const { runtime, tensorParallel } = options;
  const beside = tensorParallel > 1 ? LAYER.allReduces / LAYER.launch : 0;
  const paper: Runtime = {
    ...runtime,
    kernelsPerLayer: LAYER.operations + beside,
    launch: LAYER.launch * SLOWER,
    cpuPerStep: runtime.cpuPerStep + RAY,
    cpuPerSequence: runtime.cpuPerSequence + (SAMPLER[kind] * SLOWER) / sequences,
  };
  return new CostModel({ ...options, runtime: paper });
}

/** Bandwidth of an A100's second-level cache (5,120 bytes a cycle at 1.41 GHz) over that of its memory, 40 GB. */
const CACHED = (5120 * 1.41e9) / 1.555e12;

/**
 * A prefix that all requests share in memory: 7 MB of a layer's KV, at 336 tokens of LLaMA-13B, which the A100's
 * cache of 40 MB keeps from one sequence's attention to the next's.
 */
export class SharedPrefixCost extends CostModel {
  readonly #prefix: Tokens;

  /** @param prefix tokens, whole blocks. */
  constructor({ options }: CostModel, prefix: Tokens) {
    super(options);
    this.#prefix = prefix;
  }

  override price(shape: StepShape): StepCost {
    const again = this.#prefix * Math.max(0, shape.decodes - 1);
    return super.price({ ...shape, decodeKv: shape.decodeKv - again * (1 - 1 / CACHED) });
  }
}
