import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../core/errors.ts';
import type { Config } from '../sim/config.ts';
import { completeConfig, type ExperimentResult, runExperiment, unknown } from '../sim/experiment.ts';
import { findModel, models } from '../sim/models/catalogue.ts';
import { modelFromHfConfig } from '../sim/models/hf-config.ts';
import type { Model } from '../sim/models/model.ts';
import { parseSlo, thresholdValue } from '../sim/slo.ts';
import { openTrace } from '../sim/workload/trace/detect.ts';
import { EventLog } from '../trace/event-log.ts';
import { readBytes, readJson, writeWhole } from './files.ts';
import { addSettings, configOfFlags } from './flags.ts';
import { Progress } from './progress.ts';
import { experimentText } from './report-text.ts';
import { version } from './version.ts';

export interface OutputOptions {
  readonly json?: boolean;
  readonly out?: string;
  readonly events?: string;
  readonly printConfig?: boolean;
}

export function addOutputOptions(command: Command): Command {
  return command
    .option('--json', 'print the results as JSON')
    .option('--out <file>', 'where the results go (default: quire-results/, named after the run)')
    .option('--events <file>', 'also write every event of the first replication, as JSON lines')
    .option('--print-config', 'print the resolved settings and stop');
}

export function compareCommand(program: Command): void {
  const command = program
    .command('compare')
    .description('one workload, several policies: tables, intervals, and a results file');
  addOutputOptions(addSettings(command)).action(async (options: Record<string, unknown>) => {
    await execute(configOfFlags(options), options as OutputOptions);
  });
}

/** Runs a config and prints and writes what came of it. Nothing is written when it fails. */
export async function execute(given: Config, options: OutputOptions): Promise<void> {
  checkTogether(given);
  const config = completeConfig(given);
  if (options.printConfig) {
    process.stdout.write(`${JSON.stringify(config, null, 2)}\n`);
    return;
  }
  const model = await readModel(config.model);
  const thresholds = config.slo === undefined ? [] : parseSlo(config.slo).thresholds;
  const progress = new Progress();
  const log = options.events === undefined ? undefined : new EventLog();
  let experiment: ExperimentResult;
  try {
    experiment = await runExperiment(config, {
      model,
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
  // Looked up before anything is written: a misspelt figure is the user's mistake, not a result.
  const crossed = thresholds.flatMap(threshold =>
    experiment.results.flatMap(result => {
      const value = thresholdValue(result, threshold);
      const holds = threshold.below ? value < threshold.limit : value > threshold.limit;
      return holds
        ? []
        : [
            `${result.policy}: ${threshold.metric} is ${value}, not ${threshold.below ? 'below' : 'above'} ${threshold.limit}`,
          ];
    }),
  );
  const out = options.out ?? defaultOut(experiment);
  const json = `${JSON.stringify(document(experiment), null, 2)}\n`;
  await writeWhole(out, json);
  if (log) await writeWhole(options.events!, log.text());
  if (options.json) process.stdout.write(json);
  else process.stdout.write(`${experimentText(experiment)}\n\nresults: ${out}\n`);
  for (const line of crossed) process.stderr.write(`slo crossed: ${line}\n`);
  if (crossed.length > 0) process.exitCode = 1;
}

/** Settings that contradict each other; asked of what was given, before defaults hide it. */
function checkTogether(config: Config): void {
  if (config.trace !== undefined) {
    for (const key of ['workload', 'request_rate', 'burstiness', 'fixed_rate', 'n', 'beam_width'] as const) {
      if (config[key] === undefined) continue;
      const instead = key === 'request_rate' ? '; to change its rate use time_scale' : '';
      throw new UsageError(`${key} cannot be set together with trace: the trace decides it${instead}`);
    }
  } else if (config.time_scale !== undefined) throw new UsageError('time_scale needs a trace to stretch');
  if (config.n !== undefined && config.beam_width !== undefined) {
    throw new UsageError('n and beam_width cannot be set together: a request samples, or searches by beams');
  }
  if (config.num_gpu_blocks_override !== undefined && config.kv_slots !== undefined) {
    throw new UsageError(
      'num_gpu_blocks_override and kv_slots cannot be set together: both are the size of the KV memory',
    );
  }
}

/** A name of the catalogue, or the path of a Hugging Face config.json. */
async function readModel(name: string): Promise<Model> {
  const known = findModel(name);
  if (known) return known;
  if (!/[/\\]|\.json$/.test(name) && !existsSync(name)) {
    throw unknown(
      'model',
      name,
      models.map(model => model.name),
    );
  }
  const folder = basename(dirname(resolve(name)));
  return modelFromHfConfig(
    await readJson(name),
    basename(name) === 'config.json' ? folder : basename(name, '.json'),
  );
}

function document(experiment: ExperimentResult): object {
  return {
    quire: {
      version,
      command: `quire ${commandLine()}`,
      config: experiment.config,
      seed: experiment.config.seed,
    },
    ...experiment,
    config: undefined,
  };
}

function commandLine(): string {
  return process.argv
    .slice(2)
    .map(word => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`))
    .join(' ');
}

/** Named after what was run, without a clock: the same run overwrites its own results. */
function defaultOut({ config }: ExperimentResult): string {
  const load = config.trace ? basename(config.trace).replace(/\..*$/, '') : config.workload;
  const model = basename(config.model, '.json');
  const policies = config.policy.length > 4 ? `${config.policy.length}-policies` : config.policy.join('-');
  return `quire-results/${policies}_${model}_${config.gpu}_${load}_seed${config.seed}.json`;
}
