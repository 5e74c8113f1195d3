import { type Command, Option } from 'commander';
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
  addOutputOptions(addSettings(command)).action(async (options: Record<string, unknown>) => {
    await execute(configOfFlags(options), options as OutputOptions);
  });
}
