import { type Command, Option } from 'commander';
import { UsageError } from '../core/errors.ts';
import {
  addBackendFlags,
  addHubFlags,
  type BackendFlags,
  givenBackendFlags,
  type HubFlags,
} from './backend-flags.ts';
import { execute, type OutputOptions } from './execute.ts';
import { addSettings, configOfFlags } from './flags.ts';

export function addOutputOptions(command: Command): Command {
  return command
    .option('--json', 'print the results as JSON')
    .option('--out <file>', 'where the results go (default: quire-results/, named after the run)')
    .addOption(
      new Option(
        '--events <file>',
        'also write what happened in the first replication; the ending says how: .jsonl (every event), ' +
          '.perfetto.json (a trace for Perfetto), .parquet (tables of requests and steps), .quire (for quire ' +
          'viz); may be given again',
      ).argParser((path: string, earlier: string[] = []) => [...earlier, path]),
    )
    .option('--print-config', 'print the settings in effect and stop');
}

export function compareCommand(program: Command): void {
  const command = program
    .command('compare')
    .description('one workload, several policies: tables, intervals, and a results file');
  addOutputOptions(addSettings(command));
  addBackendFlags(command, 'a simulation of --gpu');
  addHubFlags(command);
  command.action(async (options: Record<string, unknown>) => {
    const flags = options as OutputOptions & BackendFlags & HubFlags;
    const config = configOfFlags(options);
    if (flags.backend !== undefined) {
      // Here, so that a simulation need not load an engine.
      const { liveCompare } = await import('./live-compare.ts');
      return await liveCompare(config, flags);
    }
    const [idle] = givenBackendFlags(options);
    if (idle) {
      throw new UsageError(
        `${idle} needs --backend: without it the GPU is simulated, and no model is loaded`,
      );
    }
    await execute(config, flags);
  });
}
