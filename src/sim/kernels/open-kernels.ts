import type { Policy } from '../../core/policies/policy.ts';
import type { Deployment } from '../deployment.ts';
import type { KernelFolder } from './kernel-folder.ts';
import type { KernelTables, MeasuredKernels } from './kernel-tables.ts';
import { openKernelTables } from './open-kernel-tables.ts';
import { openServingProfile } from './serving-profile.ts';
import type { Framework } from './table-files.ts';

type Runtime = Policy['runtime'];

/** Measured kernels for the engine of a policy. */
export type KernelChoice = (runtime: Runtime) => MeasuredKernels;

/**
 * What a folder has measured of a deployment: a profile of this model on this GPU where there is one, for it
 * measures mixed steps whole, and else the kernel tables of the GPU, from the engine of each runtime if it
 * was measured.
 *
 * @throws UsageError when it holds neither, or a file that is not what its name says.
 */
export async function openKernels(
  folder: KernelFolder,
  deployment: Deployment,
  runtimes: readonly Runtime[],
): Promise<KernelChoice> {
  const profile = await openServingProfile(folder, deployment);
  if (profile) return () => profile;
  const byFramework = new Map<Framework, KernelTables>();
  for (const framework of new Set(runtimes.map(frameworkOf))) {
    byFramework.set(framework, await openKernelTables(folder, { gpu: deployment.gpu.name, framework }));
  }
  return runtime => byFramework.get(frameworkOf(runtime))!;
}

/** Whose kernels an engine runs: its own, its successor's, and for those that were not measured vLLM's. */
function frameworkOf(runtime: Runtime): Framework {
  if (runtime === 'sglang') return 'sglang';
  return runtime === 'trtllm' || runtime === 'faster-transformer' ? 'trtllm' : 'vllm';
}
