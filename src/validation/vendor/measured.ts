import type { Policy } from '../../core/policies/policy.ts';
import { findPolicy } from '../../core/policies/registry.ts';
import type { Config } from '../../sim/config.ts';
import { completeConfig, deploymentOf, type PolicyResult, runExperiment } from '../../sim/experiment.ts';
import { type KernelChoice, openKernels } from '../../sim/kernels/open-kernels.ts';
import type { Model } from '../../sim/models/model.ts';
import type { Workload } from '../../sim/workload/workload.ts';
import type { DataFolder } from '../study.ts';

/** Runs deployments with the measured kernels of a folder, each opened once. */
export class MeasuredRuns {
  readonly #data: DataFolder;
  readonly #opened = new Map<string, Promise<KernelChoice>>();

  constructor(data: DataFolder) {
    this.#data = data;
  }

  /** Runs the one policy of a config, which may be of one's own, or its workload. */
  async run(
    config: Config,
    model: Model,
    { workload, policy }: { readonly workload?: Workload; readonly policy?: Policy } = {},
  ): Promise<PolicyResult> {
    const full = completeConfig({
      ...config,
      ...(workload ? { trace: workload.name } : { replications: 1 }),
      ...(policy && { policy: [policy.name] }),
    });
    const { runtime } = policy ?? findPolicy(full.policy[0]!)!;
    // Tables are those of a GPU and an engine, whatever the model.
    const key = [full.gpu, runtime].join();
    let kernels = this.#opened.get(key);
    if (!kernels) {
      kernels = openKernels(this.#data, deploymentOf(full, model), [runtime]);
      this.#opened.set(key, kernels);
    }
    const { results } = await runExperiment(full, {
      model,
      kernels: await kernels,
      ...(policy && { policies: [policy] }),
      ...(workload && { openTrace: async () => workload }),
    });
    return results[0]!;
  }
}
