import type { Command } from 'commander';
import { execute, type OutputOptions } from './execute.ts';
import { addSettings, configOfFlags } from './flags.ts';

export function addOutputOptions(command: Command): Command {
  return command
    .option('--json', 'print the results as JSON')
    .option('--out <file>', 'where the results go (default: quire-results/, named after the run)')
    .option('--events <file>', 'also write every event of the first replication, as JSON lines')
    .option('--print-config', 'print the settings in effect and stop');
}

export function compareCommand(program: Command): void {
  const command = program
    .command('compare')
    .description('one workload, several policies: tables, intervals, and a results file');
  addOutputOptions(addSettings(command)).action(async (options: Record<string, unknown>) => {
    await execute(configOfFlags(options), options as OutputOptions);
  });
}
