import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { UsageError } from '../core/errors.ts';
import type { FullConfig } from '../sim/build-workload.ts';
import type { Config } from '../sim/config.ts';
import { type OverheadProfile, parseProfile } from '../sim/cost/overhead-profile.ts';
import {
  checkConfig,
  completeConfig,
  type ExperimentContext,
  type ExperimentResult,
  effectiveConfig,
  runExperiment,
  unknownName,
} from '../sim/experiment.ts';
import { findModel, models } from '../sim/models/catalogue.ts';
import { modelFromHfConfig } from '../sim/models/hf-config.ts';
import type { Model } from '../sim/models/model.ts';
import { emptyResult } from '../sim/results.ts';
import { parseSlo, type SloOptions, thresholdValue } from '../sim/slo.ts';
import { openTrace } from '../sim/workload/trace/detect.ts';
import { EventLog } from '../trace/event-log.ts';
import { commandLine } from './command-line.ts';
import { isReadOnce, readBytes, readJson } from './files.ts';
import { readKernels } from './measured-kernels.ts';
import { OutputFile } from './output-file.ts';
import { Progress } from './progress.ts';
import { experimentText } from './report-text.ts';
import { version } from './version.ts';

/** What the flags beside the settings say. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly out?: string;
  readonly events?: string;
  readonly printConfig?: boolean;
  /** The config file, which must not be written over. */
  readonly configFile?: string;
}

/** Runs a config and prints and writes what came of it. Nothing is written when it fails. */
export async function execute(asked: Config, options: OutputOptions): Promise<void> {
  const config = completeConfig(asked);
  const model = await readModel(config.model);
  const profile = await readProfile(config.profile);
  const kernels = await readKernels(config, model);
  const given = { model, ...(profile && { profile }), ...(kernels && { kernels }) };
  checkConfig(config, model, given);
  const slo = config.slo === undefined ? undefined : parseSlo(config.slo);
  // A misspelt figure is found before the run, not after it.
  for (const threshold of slo?.thresholds ?? []) thresholdValue(emptyResult(slo?.perRequest), threshold);
  if (options.printConfig) {
    process.stdout.write(`${JSON.stringify(effectiveConfig(config), null, 2)}\n`);
    return;
  }
  const inputs = [config.trace, config.model, config.profile, options.configFile];
  await checkTrace(config);
  const out = new OutputFile('--out', options.out ?? defaultOut(asked, config), inputs);
  const events =
    options.events === undefined ? undefined : new OutputFile('--events', options.events, inputs);
  if (events?.isSame(out)) throw new UsageError('--out and --events are the same file; give each its own');

  const log = events && new EventLog();
  const experiment = await run(config, given, log);
  const crossed = crossedThresholds(experiment, slo);
  const json = `${JSON.stringify(document(experiment), null, 2)}\n`;
  if (log) await events.write(log.lines());
  await out.write(json);
  if (options.json) process.stdout.write(json);
  else process.stdout.write(`${experimentText(experiment)}\n\nresults: ${out.path}\n`);
  for (const line of crossed) process.stderr.write(`slo crossed: ${line}\n`);
  if (crossed.length > 0) process.exitCode = 1;
}

async function run(
  config: FullConfig,
  given: Pick<ExperimentContext, 'model' | 'profile' | 'kernels'>,
  log: EventLog | undefined,
): Promise<ExperimentResult> {
  const progress = new Progress();
  try {
    return await runExperiment(config, {
      ...given,
      progress: (done, label) => progress.update(done, label),
      openTrace: trace => {
        const path = config.trace!;
        return openTrace(() => readBytes(path), { fileName: path, ...trace });
      },
      ...(log && { listener: policy => log.listener(policy) }),
    });
  } finally {
    progress.end();
  }
}

/** It must be there; and a pipe gives its content once: several runs would wait for more for ever. */
async function checkTrace({ trace, policy, replications = 1 }: FullConfig): Promise<void> {
  const runs = policy.length * replications;
  if (trace === undefined || !(await isReadOnce(trace)) || runs === 1) return;
  throw new UsageError(`${trace}: can be read once only, and ${runs} runs need it; save it to a file first`);
}

function crossedThresholds({ results }: ExperimentResult, slo: SloOptions | undefined): string[] {
  return (slo?.thresholds ?? []).flatMap(threshold =>
    results.flatMap(result => {
      const { metric, below, limit } = threshold;
      if (result.completed === 0)
        return [`${result.policy}: ${metric} has no value, as no request completed`];
      const value = thresholdValue(result, threshold);
      if (below ? value < limit : value > limit) return [];
      const shown = Number(value.toFixed(3));
      return [`${result.policy}: ${metric} is ${shown}, not ${below ? 'below' : 'above'} ${limit}`];
    }),
  );
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

function document({ config, ...experiment }: ExperimentResult): object {
  return {
    quire: { version, command: commandLine(), config: effectiveConfig(config), seed: config.seed },
    ...experiment,
  };
}

/** Named after what was run, without a clock: the same run overwrites its own results, another does not. */
function defaultOut(given: Config, { policy, model, gpu, trace, workload, seed }: FullConfig): string {
  const { policy: _p, model: _m, gpu: _g, trace: _t, workload: _w, seed: _s, ...rest } = given;
  const named = [
    policy.length > 4 ? `${policy.length}-policies` : policy.join('-'),
    basename(model) === 'config.json' ? basename(dirname(resolve(model))) : basename(model, '.json'),
    gpu,
    trace ? basename(trace).replace(/\..*$/, '') : workload,
    `seed${seed}`,
  ].map(part => part.slice(0, 60));
  const others = policy.length > 4 || Object.keys(rest).length > 0 ? [digest({ policy, ...rest })] : [];
  return `quire-results/${[...named, ...others].join('_')}.json`;
}

function digest(value: object): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);
}
