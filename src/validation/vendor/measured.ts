import { UsageError } from '../../core/errors.ts';
import type { Policy } from '../../core/policies/policy.ts';
import { completeConfig, deploymentOf } from '../../sim/check-config.ts';
import type { Config } from '../../sim/config.ts';
import { type PolicyResult, runExperiment } from '../../sim/experiment.ts';
import { type KernelChoice, openKernels } from '../../sim/kernels/open-kernels.ts';
import type { Model } from '../../sim/models/model.ts';
import type { Workload } from '../../sim/workload/workload.ts';
import type { DataFolder } from '../study.ts';

/** One policy on one deployment, and what it serves. */
export interface MeasuredRun {
  readonly config: Config;
  readonly model: Model;
  readonly policy: Policy;
  readonly workload: Workload;
}

/** Runs deployments with the measured kernels of a folder, each opened once. */
export class MeasuredRuns {
  readonly #data: DataFolder;
  readonly #opened = new Map<string, Promise<KernelChoice>>();

  constructor(data: DataFolder) {
    this.#data = data;
  }

  /** @throws UsageError where no kernels of the GPU were measured, or some of the workload can never be served. */
  async run({ config, model, policy, workload }: MeasuredRun): Promise<PolicyResult> {
    const full = completeConfig({ ...config, trace: workload.name, policy: [policy.name] });
    const deployment = deploymentOf(full, model);
    const { gpu, tensorParallel, weights, kv } = deployment;
    // All that a folder is searched by: a profile of layers is of one model, and goes before the tables of its GPU.
    const key = JSON.stringify([model.name, gpu.name, tensorParallel, weights, kv, policy.runtime]);
    let kernels = this.#opened.get(key);
    if (!kernels) {
      kernels = openKernels(this.#data, deployment, [policy.runtime]);
      this.#opened.set(key, kernels);
    }
    const { results } = await runExperiment(full, {
      model,
      kernels: await kernels,
      policies: [policy],
      openTrace: async () => workload,
    });
    const result = results[0]!;
    // Figures of those that were served would pass for those of all.
    if (result.failed > 0 || result.truncated > 0) {
      throw new UsageError(
        `does not fit: ${policy.name} with ${model.name} on ${tensorParallel} × ${gpu.name} ` +
          `${result.failed > 0 ? 'rejects requests' : 'cuts answers short'}`,
      );
    }
    return result;
  }
}
