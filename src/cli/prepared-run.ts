import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { unknownName } from '../core/did-you-mean.ts';
import { UsageError } from '../core/errors.ts';
import type { FullConfig } from '../sim/build-workload.ts';
import { checkConfig, completeConfig } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import { type OverheadProfile, parseProfile } from '../sim/cost/overhead-profile.ts';
import type { ExperimentContext } from '../sim/experiment.ts';
import { findModel, models } from '../sim/models/catalogue.ts';
import { modelFromHfConfig } from '../sim/models/hf-config.ts';
import type { Model } from '../sim/models/model.ts';
import { openTrace } from '../sim/workload/trace/detect.ts';
import { isReadOnce, readBytes, readJson } from './files.ts';
import { readKernels } from './measured-kernels.ts';

/** A config with its defaults, and what it names, opened. */
export interface PreparedRun {
  readonly config: FullConfig;
  readonly context: ExperimentContext;
}

/** @throws UsageError for whatever can be known to be wrong before it runs. */
export async function prepareRun(asked: Config): Promise<PreparedRun> {
  const config = completeConfig(asked);
  const model = await readModel(config.model);
  const profile = await readProfile(config.profile);
  const kernels = await readKernels(config, model);
  const given = { model, ...(profile && { profile }), ...(kernels && { kernels }) };
  checkConfig(config, model, given);
  const openTraceOf: ExperimentContext['openTrace'] = options => {
    const path = config.trace!;
    return openTrace(() => readBytes(path), { fileName: path, ...options });
  };
  return { config, context: { ...given, openTrace: openTraceOf } };
}

/** The trace must be there; and a pipe gives its content once: several runs would wait for more for ever. */
export async function checkTrace({ trace }: FullConfig, runs: number): Promise<void> {
  if (trace === undefined || !(await isReadOnce(trace)) || runs === 1) return;
  throw new UsageError(`${trace}: can be read once only, and ${runs} runs need it; save it to a file first`);
}

async function readProfile(path: string | undefined): Promise<OverheadProfile | undefined> {
  return path === undefined ? undefined : parseProfile(await readJson(path), path);
}

/** A name of the catalogue, or the path of a Hugging Face config.json. */
export async function readModel(name: string): Promise<Model> {
  const known = findModel(name);
  if (known) return known;
  if (!/[/\\]|\.json$/.test(name) && !existsSync(name)) {
    throw unknownName(
      'model',
      name,
      models.map(model => model.name),
    );
  }
  const folder = basename(dirname(resolve(name)));
  const own = basename(name) === 'config.json' ? folder : basename(name, '.json');
  return modelFromHfConfig(await readJson(name), own);
}
