import { UsageError } from '../core/errors.ts';
import type { FullConfig } from '../sim/build-workload.ts';
import { composePolicy, deploymentOf } from '../sim/check-config.ts';
import { type KernelChoice, openKernels } from '../sim/kernels/open-kernels.ts';
import type { Model } from '../sim/models/model.ts';
import { look, openDataFolder } from './data-folder.ts';

/** What the folder of `--kernels` has measured of the deployment; undefined without the flag. */
export async function readKernels(config: FullConfig, model: Model): Promise<KernelChoice | undefined> {
  const path = config.kernels;
  if (path === undefined) return undefined;
  const found = look(path);
  if (!found?.isDirectory()) {
    throw new UsageError(
      `--kernels ${path}: ${found ? 'is no folder' : 'no such folder'}; expected measured kernels`,
    );
  }
  const runtimes = config.policy.map(name => composePolicy(name, config).runtime);
  return await openKernels(openDataFolder(path)!, deploymentOf(config, model), runtimes);
}
