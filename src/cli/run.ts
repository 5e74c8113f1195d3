import type { Command } from 'commander';
import { parseConfig } from '../sim/config.ts';
import { addOutputOptions } from './compare.ts';
import { withPathsFound } from './config-paths.ts';
import { execute, type OutputOptions } from './execute.ts';
import { readJson } from './files.ts';
import { addSettings, configOfFlags } from './flags.ts';
import { refuseMeasured } from './results-file.ts';

export function runCommand(program: Command): void {
  const command = program
    .command('run')
    .description('runs a config file; flags override its keys')
    .argument('<config>', 'JSON object of settings, or a results file, whose run is repeated');
  addOutputOptions(addSettings(command)).action(async (path: string, options: Record<string, unknown>) => {
    const file = await readJson(path);
    refuseMeasured(file, path);
    const repeated = (file as { quire?: { config?: unknown } } | null)?.quire?.config;
    const config = {
      ...withPathsFound(parseConfig(repeated ?? file, path), path),
      ...configOfFlags(options),
    };
    await execute(config, { ...(options as OutputOptions), configFile: path });
  });
}
