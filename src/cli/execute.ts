import { createHash } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import type { FullConfig } from '../sim/build-workload.ts';
import { effectiveConfig } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import { type ExperimentResult, runExperiment } from '../sim/experiment.ts';
import { emptyResult } from '../sim/results.ts';
import { parseSlo, type SloOptions, thresholdValue } from '../sim/slo.ts';
import { commandLine } from './command-line.ts';
import { EventsOutput } from './events-output.ts';
import { OutputFile } from './output-file.ts';
import { checkTrace, type PreparedRun, prepareRun } from './prepared-run.ts';
import { Progress } from './progress.ts';
import { recordRuns } from './recordings.ts';
import { experimentText } from './report-text.ts';
import { version } from './version.ts';

/** What the flags beside the settings say. */
export interface OutputOptions {
  readonly json?: boolean;
  readonly out?: string;
  readonly events?: readonly string[];
  readonly printConfig?: boolean;
  /** The config file, which must not be written over. */
  readonly configFile?: string;
}

/** Runs a config and prints and writes what came of it. Nothing is written when it fails. */
export async function execute(asked: Config, options: OutputOptions): Promise<void> {
  const prepared = await prepareRun(asked);
  const { config } = prepared;
  const slo = sloOf(config);
  if (options.printConfig) {
    process.stdout.write(`${JSON.stringify(effectiveConfig(config), null, 2)}\n`);
    return;
  }
  const inputs = [config.trace, config.model, config.profile, options.configFile];
  const out = new OutputFile('--out', options.out ?? defaultOut(asked, config), inputs);
  const events = new EventsOutput(options.events ?? [], inputs, out);
  const { policy, replications = 1 } = config;
  await checkTrace(config, policy.length * (replications + (events.needsRecordings ? 1 : 0)));

  const experiment = await run(prepared, events);
  await deliver({
    document: document(experiment),
    text: experimentText(experiment),
    crossed: crossedThresholds(experiment, slo),
    json: options.json ?? false,
    out,
    events,
  });
}

/** What a comparison came to, on its way out. */
export interface Delivery {
  readonly document: object;
  readonly text: string;
  readonly crossed: readonly string[];
  readonly json: boolean;
  readonly out: OutputFile;
  readonly events: EventsOutput;
}

/** Writes and prints it; crossed thresholds make the command fail. */
export async function deliver({ document, text, crossed, json, out, events }: Delivery): Promise<void> {
  const written = `${JSON.stringify(document, null, 2)}\n`;
  await out.write(written);
  if (json) process.stdout.write(written);
  else {
    const others = events.paths.length > 0 ? `\nevents: ${events.paths.join(', ')}` : '';
    process.stdout.write(`${text}\n\nresults: ${out.path}${others}\n`);
  }
  for (const line of crossed) process.stderr.write(`slo crossed: ${line}\n`);
  if (crossed.length > 0) process.exitCode = 1;
}

/** @throws UsageError for a misspelt figure: before the run, not after it. */
export function sloOf({ slo: text }: Config): SloOptions | undefined {
  if (text === undefined) return undefined;
  const slo = parseSlo(text);
  for (const threshold of slo.thresholds) thresholdValue(emptyResult(slo.perRequest), threshold);
  return slo;
}

async function run(prepared: PreparedRun, events: EventsOutput): Promise<ExperimentResult> {
  const { config, context } = prepared;
  events.start();
  try {
    const experiment = await experimentOf(config, context, events);
    await events.finish(events.needsRecordings ? await recordRuns(prepared) : []);
    return experiment;
  } finally {
    events.discard();
  }
}

async function experimentOf(
  config: FullConfig,
  context: PreparedRun['context'],
  events: EventsOutput,
): Promise<ExperimentResult> {
  const progress = new Progress();
  try {
    return await runExperiment(config, {
      ...context,
      progress: (done, label) => progress.update(done, label),
      listener: policy => events.listener(policy),
    });
  } finally {
    progress.end();
  }
}

/** What `--slo` bounds and was crossed, in words. */
export function crossedThresholds(
  { results }: Pick<ExperimentResult, 'results'>,
  slo: SloOptions | undefined,
): string[] {
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

function document({ config, ...experiment }: ExperimentResult): object {
  return {
    quire: { version, command: commandLine(), config: effectiveConfig(config), seed: config.seed },
    ...experiment,
  };
}

/** Named after what was run, without a clock: the same run overwrites its own results, another does not. */
export function defaultOut(given: Config, { policy, model, gpu, trace, workload, seed }: FullConfig): string {
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
