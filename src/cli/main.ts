#!/usr/bin/env node
import { runProgram } from './program.ts';

process.stdout.on('error', error => {
  // A reader that has seen enough (head, less) closes the pipe: no error.
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(process.exitCode ?? 0);
  process.stderr.write(`quire: standard output cannot be written (${(error as Error).message})\n`);
  process.exit(2);
});

await runProgram(process.argv.slice(2));
