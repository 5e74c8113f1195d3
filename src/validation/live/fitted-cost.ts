import type { Tokens } from '../../core/units.ts';
import { CostModel } from '../../sim/cost/cost-model.ts';
import { runtimes } from '../../sim/cost/runtimes.ts';
import type { StepShape } from '../../sim/cost/step-shape.ts';
import { emptyCost, type StepCost, term } from '../../sim/cost/terms.ts';
import type { Gpu } from '../../sim/hardware/gpu.ts';
import type { Model } from '../../sim/models/model.ts';
import { expectedSeconds, type StepFit } from './step-fit.ts';

/** No data sheet: nothing is derived from these figures, for whole steps were measured. */
const unknownDevice: Gpu = {
  name: 'measured',
  title: 'the device of this machine',
  memory: 0,
  bandwidth: 1,
  flops: { fp16: 1 },
  efficiency: {
    basis: 'measured',
    gemm: { floor: 0, compute: 1, memory: 1, sharpness: 1 },
    decodeAttention: { floor: 0, memory: 1 },
    prefillAttention: { floor: 0, mfu: [[1, 1]] },
    elementwise: { floor: 0, memory: 1 },
  },
  interconnect: { bandwidth: 1, graphLatency: 0, eagerLatency: 0 },
  pcie: 1,
  source: 'steps that were measured',
};

/** Prices of steps on a device that is known by its steps alone. */
export class FittedCost extends CostModel {
  readonly #fit: StepFit;
  readonly #price = emptyCost();

  constructor(fit: StepFit, model: Model, blockSize: Tokens) {
    const deployment = { model, gpu: unknownDevice, tensorParallel: 1, weights: 'fp16', kv: 'fp16' } as const;
    super({ ...deployment, runtime: runtimes.vllm, blockSize });
    this.#fit = fit;
  }

  /** Not by operation: all of it is booked as measured, and bound by neither. The object is reused. */
  override price(shape: StepShape): StepCost {
    const cost = this.#price;
    cost.seconds = expectedSeconds(this.#fit, shape);
    cost.terms[term.cpu] = cost.seconds;
    cost.tabled[0] = cost.seconds;
    cost.overhead = cost.seconds;
    return cost;
  }
}
