#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { UsageError } from '../core/errors.ts';
import { benchCommand } from './bench-serve.ts';
import { calibrateCommand } from './calibrate.ts';
import { catalogueCommands } from './catalogues.ts';
import { compareCommand } from './compare.ts';
import { experimentCommand } from './experiment.ts';
import { generateCommand } from './generate.ts';
import { reportCommand } from './report.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';
import { validateCommand } from './validate.ts';
import { version } from './version.ts';
import { vizCommand } from './viz.ts';

const program = new Command('quire')
  .description('A research engine for LLM serving: batching policies on a simulated GPU and on a real one.')
  .version(version)
  .showHelpAfterError('(quire <command> --help lists the flags)')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'quire: ')) })
  // Long flags leave little room beside them; wrap there all the same.
  .configureHelp({ minWidthToWrap: 20 })
  .exitOverride();

generateCommand(program);
serveCommand(program);
compareCommand(program);
benchCommand(program);
runCommand(program);
reportCommand(program);
vizCommand(program);
calibrateCommand(program);
experimentCommand(program);
validateCommand(program);
catalogueCommands(program);
for (const command of program.commands) command.exitOverride();

process.stdout.on('error', error => {
  // A reader that has seen enough (head, less) closes the pipe: no error.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(process.exitCode ?? 0);
  process.stderr.write(`quire: standard output cannot be written (${(error as Error).message})\n`);
  process.exit(2);
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed its message; help and version are no failures.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else if (error instanceof UsageError) {
    process.stderr.write(`quire: ${error.message}\n`);
    process.exitCode = 2;
  } else throw error;
}
