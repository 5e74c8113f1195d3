import { type Command, InvalidArgumentError, Option } from 'commander';
import { UsageError } from '../core/errors.ts';
import { addBackendFlags, addHubFlags, type BackendFlags, type HubFlags } from './backend-flags.ts';
import { engineSettings } from './engine-settings.ts';
import { addSettings, configOfFlags } from './flags.ts';

export interface ValidateLiveFlags extends BackendFlags, HubFlags {
  /** Seconds. */
  readonly calibrateFor: number;
  /** Percent; absent: whatever the error is, it is no failure. */
  readonly within?: number;
  readonly json?: boolean;
  readonly events?: readonly string[];
  readonly html?: string;
}

/** Settings of the engine and of its requests that make sense on a device of this machine. */
const keys = [
  'policy',
  'model',
  'workload',
  'trace',
  'num_prompts',
  'time_scale',
  'request_rate',
  'burstiness',
  'input_len',
  'output_len',
  'range_ratio',
  'prefix_len',
  'prefix_groups',
  'n',
  'seed',
  ...engineSettings,
];

/** Options of `validate` itself, which Commander takes from wherever they stand. */
const foreign = ['data', 'markdown', 'baseline', 'write'];

export function validateLiveCommand(validate: Command): void {
  const command = validate
    .command('live')
    .description(
      'one workload on a device of this machine and in a simulation calibrated on it, and the error',
    )
    .addOption(
      new Option('--calibrate-for <seconds>', 'how long steps are measured first, on other requests')
        .argParser(above0('seconds'))
        .default(20),
    )
    .addOption(
      new Option(
        '--within <percent>',
        'exit 1 when throughput or a mean latency is further off (default: no bound)',
      ).argParser(above0('percent')),
    )
    .option('--json', 'print as JSON')
    .addOption(
      new Option(
        '--events <file>',
        'also write both runs: .quire (for quire viz: two panes), .perfetto.json, .parquet; may be given again',
      ).argParser((path: string, earlier: string[] = []) => [...earlier, path]),
    )
    .option('--html <file>', 'also write a page with the figures and both timelines');
  addSettings(command, keys);
  addBackendFlags(command, 'webgpu where there is a GPU, else reference');
  addHubFlags(command);
  command.action(async () => {
    // `--json` is of both, and goes to the first.
    const options = command.optsWithGlobals<Record<string, unknown>>();
    const other = foreign.find(key => options[key] !== undefined);
    if (other !== undefined) {
      throw new UsageError(
        `--${other} is of the suites of quire validate, and means nothing to live; leave it out`,
      );
    }
    // Here, so that the others need not load an engine.
    const { validateLive } = await import('./validate-live-run.ts');
    await validateLive(configOfFlags(options), options as unknown as ValidateLiveFlags);
  });
}

function above0(what: string): (text: string) => number {
  return text => {
    const value = Number(text);
    if (text.trim() !== '' && value > 0 && Number.isFinite(value)) return value;
    throw new InvalidArgumentError(`expected ${what}, a number above 0`);
  };
}
