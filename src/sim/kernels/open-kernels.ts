import type { Policy } from '../../core/policies/policy.ts';
import type { Deployment } from '../deployment.ts';
import type { KernelFolder } from './kernel-folder.ts';
import type { KernelTables, LayerProfile, MeasuredKernels } from './kernel-tables.ts';
import { openKernelTables } from './open-kernel-tables.ts';
import { profilesIn } from './profile-files.ts';
import { openServingProfile } from './serving-profile.ts';
import { type Framework, NoKernels } from './table-files.ts';

type Runtime = Policy['runtime'];

/** Measured kernels for the engine of a policy. */
export type KernelChoice = (runtime: Runtime) => MeasuredKernels;

/**
 * What a folder has measured of a deployment: a profile of this model on this GPU where there is one, for it
 * measures mixed steps whole, and else the kernel tables of the GPU, from the engine of each runtime if it
 * was measured.
 *
 * @throws NoKernels when it holds neither; UsageError at a file that is not what its name says.
 */
export async function openKernels(
  folder: KernelFolder,
  deployment: Deployment,
  runtimes: readonly Runtime[],
): Promise<KernelChoice> {
  const profile = await openServingProfile(folder, deployment);
  if (profile) {
    // A profile is of one GPU alone: what the group says to each other is in the tables, if anywhere.
    const links = deployment.tensorParallel > 1 ? await linksOf(folder, deployment) : undefined;
    const kernels: MeasuredKernels = links ? withLinks(profile, links) : profile;
    return () => kernels;
  }
  const byFramework = new Map<Framework, KernelTables>();
  try {
    for (const framework of new Set(runtimes.map(frameworkOf))) {
      byFramework.set(framework, await openKernelTables(folder, { gpu: deployment.gpu.name, framework }));
    }
  } catch (error) {
    if (!(error instanceof NoKernels)) throw error;
    const profiles = profilesIn(await folder.list());
    if (profiles.length === 0) throw error;
    throw new NoKernels(
      `${error.message}; nor is one of its profiles of ${deploymentName(deployment)}: ${profiles.join(', ')}`,
    );
  }
  return runtime => byFramework.get(frameworkOf(runtime))!;
}

function deploymentName({ model, weights, kv, tensorParallel, gpu }: Deployment): string {
  const precision = kv === 'fp16' ? weights : `${weights}, ${kv} KV`;
  return `${model.name} (${precision}, tensor parallel ${tensorParallel}) on ${gpu.name}`;
}

async function linksOf(folder: KernelFolder, { gpu }: Deployment): Promise<KernelTables | undefined> {
  try {
    return await openKernelTables(folder, { gpu: gpu.name, framework: 'vllm' });
  } catch (error) {
    if (error instanceof NoKernels) return undefined;
    throw error;
  }
}

function withLinks(profile: LayerProfile, tables: KernelTables): MeasuredKernels {
  return {
    source: `${profile.source}; all-reduce: ${tables.source}`,
    needsSpread: profile.needsSpread,
    layer: (name, rows, experts) => profile.layer(name, rows, experts),
    attention: step => profile.attention(step),
    allReduce: (bytes, gpus, graph) => tables.allReduce(bytes, gpus, graph),
  };
}

/** Whose kernels an engine runs: its own, its successor's, and for those that were not measured vLLM's. */
function frameworkOf(runtime: Runtime): Framework {
  if (runtime === 'sglang') return 'sglang';
  return runtime === 'trtllm' || runtime === 'faster-transformer' ? 'trtllm' : 'vllm';
}
