import { UsageError } from '../../core/errors.ts';
import type { Policy } from '../../core/policies/policy.ts';
import type { Deployment } from '../deployment.ts';
import type { KernelFolder } from './kernel-folder.ts';
import type { MeasuredKernels } from './kernel-tables.ts';
import { openServingProfile } from './serving-profile.ts';

/** Measured kernels for the engine of a policy. */
export type KernelChoice = (runtime: Policy['runtime']) => MeasuredKernels;

/**
 * What a folder has measured of a deployment: a profile of this model on this GPU where there is one, for it
 * measures mixed steps whole, and else the kernel tables of the GPU.
 *
 * @throws UsageError when it holds neither.
 */
export async function openKernels(folder: KernelFolder, deployment: Deployment): Promise<KernelChoice> {
  const profile = await openServingProfile(folder, deployment);
  if (profile) return () => profile;
  throw new UsageError(`${folder.name}: no measured kernels of ${deployment.gpu.name}`);
}
