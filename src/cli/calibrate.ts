import { basename } from 'node:path';
import type { Command } from 'commander';
import { quoted, UsageError } from '../core/errors.ts';
import { type FullConfig, maxTokensRule } from '../sim/build-workload.ts';
import { type Calibration, calibrate } from '../sim/calibrate/calibrate.ts';
import { contentOf, unknownContent } from '../sim/calibrate/content.ts';
import { type MeasuredRun, readMeasured } from '../sim/calibrate/measured.ts';
import { type ParameterName, parameterNames } from '../sim/calibrate/parameters.ts';
import { profileOf } from '../sim/calibrate/profile.ts';
import { Replay } from '../sim/calibrate/replay.ts';
import { checkFit } from '../sim/calibrate/verdict.ts';
import { checkConfig, completeConfig, effectiveConfig } from '../sim/check-config.ts';
import type { Config, SettingKey } from '../sim/config.ts';
import type { EngineSetup } from '../sim/engine-setup.ts';
import { findModel } from '../sim/models/catalogue.ts';
import type { Model } from '../sim/models/model.ts';
import type { Setting } from '../sim/setting.ts';
import { settings } from '../sim/settings.ts';
import { openTrace } from '../sim/workload/trace/detect.ts';
import { calibrationText } from './calibration-text.ts';
import { commandLine } from './command-line.ts';
import { readBytes } from './files.ts';
import { addSettings, configOfFlags } from './flags.ts';
import { readKernels } from './measured-kernels.ts';
import { OutputFile } from './output-file.ts';
import { readModel } from './prepared-run.ts';
import { Progress } from './progress.ts';
import { version } from './version.ts';

interface CalibrateFlags {
  readonly from: string;
  readonly content?: string;
  readonly fit?: string;
  readonly json?: boolean;
  readonly out?: string;
}

/** What the engine ran; the workload is the measured one. */
const deployed = (Object.entries(settings) as [SettingKey, Setting][])
  .filter(([key, { group }]) => ['Engine', 'Limits', 'Policy parts'].includes(group) && key !== 'profile')
  .map(([key]) => key);

/** Named by the user: a default would calibrate what nobody measured. */
const named = ['policy', 'model', 'gpu'] as const;

export function calibrateCommand(program: Command): void {
  const command = program
    .command('calibrate')
    .description("fits an engine's overheads to a run that was measured; --profile then uses them")
    .requiredOption(
      '--from <file>',
      'JSON of vllm bench serve --save-detailed, or a CSV with a row a request',
    )
    .option('--content <trace>', 'what the same requests contain, in their order, for prefix caches')
    .option(
      '--fit <names>',
      `${parameterNames.join(', ')} (default: all but the last that the file can tell)`,
    )
    .option('--policy <name>', 'the engine that was measured (quire policies)')
    .option('--model <name|config.json>', 'the model it served')
    .option('--gpu <name>', 'the GPU it ran on');
  addSettings(
    command,
    deployed.filter(key => !named.some(name => name === key)),
  )
    .option('--max-tokens <auto|exact|n>', 'what its clients asked for (default: exact)')
    .option('--seed <n>', 'of the resampling that gives the intervals (default: 0)')
    .option('--json', 'print the profile as JSON')
    .option('--out <file>', 'where the profile goes (default: quire-results/, named after the run)')
    .action(async (options: Record<string, unknown>) => {
      await runCalibration(configOfFlags(options), options as unknown as CalibrateFlags);
    });
}

async function runCalibration(given: Config, flags: CalibrateFlags): Promise<void> {
  const missing = named.filter(key => given[key] === undefined).map(key => `--${key}`);
  if (missing.length > 0) {
    const them = missing.length > 1 ? 'them' : 'it';
    throw new UsageError(`${missing.join(', ')}: expected what was measured; name ${them}`);
  }
  if (given.policy!.length > 1)
    throw new UsageError('--policy: a run was measured on one engine; name only that');
  const config = completeConfig({ max_tokens: 'exact', ...given });
  const model = await readModel(config.model);
  const kernels = await readKernels(config, model);
  const setup = checkConfig(config, model, { ...(kernels && { kernels }) })[0]!;
  const asked = flags.fit === undefined ? undefined : parametersNamed(flags.fit);
  const inputs = [flags.from, flags.content, config.model];
  const out = new OutputFile('--out', flags.out ?? defaultOut(config, flags.from), inputs);
  const run = await readMeasured(readBytes(flags.from), flags.from);
  const fit = asked ?? defaultParameters(run);
  const notes = [...run.notes, ...otherModel(run, model), ...unfitted(run, fit, asked !== undefined)];
  const calibration = await fitted({ ...run, notes }, setup, config, flags, fit);
  checkFit(calibration, flags.from);
  const profile = profileOf(calibration, setup, {
    quire: { version, command: commandLine(), config: deploymentSettings(config), seed: config.seed },
    source: basename(flags.from),
    requests: run.requests.length,
  });
  const json = `${JSON.stringify(profile, null, 2)}\n`;
  await out.write(json);
  if (flags.json) process.stdout.write(json);
  else process.stdout.write(`${calibrationText(profile, calibration)}\n\nprofile: ${out.path}\n`);
}

async function fitted(
  run: MeasuredRun,
  setup: EngineSetup,
  config: FullConfig,
  flags: CalibrateFlags,
  fit: readonly ParameterName[],
): Promise<Calibration> {
  const { memory } = setup.policy;
  const caching = memory.kind === 'paged' && memory.prefixCaching;
  const trace = flags.content;
  const content = await contentOf(run, {
    caching,
    fileName: flags.from,
    ...(trace !== undefined && {
      trace: await openTrace(readBytes(trace), { fileName: trace, content: true }),
    }),
  });
  const notes = caching && trace === undefined ? [...run.notes, unknownContent] : run.notes;
  const progress = new Progress();
  try {
    const replay = new Replay(run, setup, { maxTokens: maxTokensRule(config.max_tokens), content });
    return calibrate({ ...run, notes }, replay, {
      fit,
      seed: config.seed,
      progress: (done, label) => progress.update(done, label),
    });
  } finally {
    progress.end();
  }
}

function parametersNamed(list: string): ParameterName[] {
  return list.split(',').map(text => {
    const name = parameterNames.find(known => known === text.trim());
    if (name) return name;
    throw new UsageError(`--fit: expected some of ${parameterNames.join(', ')}, found ${quoted(text)}`);
  });
}

/** An engine's own times hold no API path. The scale is for GPUs whose kernels nobody measured: it must be asked for. */
function defaultParameters({ clientSide }: MeasuredRun): ParameterName[] {
  return parameterNames.filter(name => name !== 'device_scale' && (clientSide || name !== 'api_per_request'));
}

/** Why an overhead is not fitted, where nobody said which should be. */
function unfitted({ clientSide }: MeasuredRun, fit: readonly ParameterName[], isAsked: boolean): string[] {
  if (isAsked) return [];
  const why: Partial<Record<ParameterName, string>> = {
    ...(!clientSide && { api_per_request: 'the times are the engine’s own, which have no API path in them' }),
    device_scale: 'only for a GPU whose kernels nobody measured: ask for it with --fit',
  };
  const reasons = parameterNames
    .filter(name => !fit.includes(name) && why[name] !== undefined)
    .map(name => `${name} (${why[name]})`);
  return reasons.length > 0 ? [`not fitted: ${reasons.join('; ')}`] : [];
}

/** Names of servers are free; one of the catalogue's that is not the one named is likely a mistake. */
function otherModel({ modelName }: MeasuredRun, model: Model): string[] {
  const served = modelName === undefined ? undefined : findModel(modelName);
  if (served === undefined || served.name === model.name) return [];
  return [`the file says that ${served.name} was served, and --model is ${model.name}: is that meant?`];
}

function deploymentSettings(config: FullConfig): Config {
  const effective = effectiveConfig(config);
  return Object.fromEntries(
    [...deployed, 'max_tokens' as const]
      .filter(key => effective[key] !== undefined)
      .map(key => [key, effective[key]]),
  ) as Config;
}

function defaultOut({ policy, gpu }: FullConfig, from: string): string {
  const source = basename(from)
    .replace(/\.(json|csv)(\.gz)?$/i, '')
    .slice(0, 60);
  return `quire-results/profile_${policy[0]}_${gpu}_${source}.json`;
}
