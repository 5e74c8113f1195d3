import { Command, CommanderError } from 'commander';
import { UsageError } from '../core/errors.ts';
import { version } from './version.ts';

/** A module of the command line adds its commands to the program. */
type Commands = (program: Command) => void;

const catalogues = async () => (await import('./catalogues.ts')).catalogueCommands;

/** What loads each command. In the order in which help lists them. */
const loaders: Readonly<Record<string, () => Promise<Commands>>> = {
  generate: async () => (await import('./generate.ts')).generateCommand,
  serve: async () => (await import('./serve.ts')).serveCommand,
  compare: async () => (await import('./compare.ts')).compareCommand,
  bench: async () => (await import('./bench-serve.ts')).benchCommand,
  run: async () => (await import('./run.ts')).runCommand,
  report: async () => (await import('./report.ts')).reportCommand,
  viz: async () => (await import('./viz.ts')).vizCommand,
  calibrate: async () => (await import('./calibrate.ts')).calibrateCommand,
  experiment: async () => (await import('./experiment.ts')).experimentCommand,
  validate: async () => (await import('./validate.ts')).validateCommand,
  policies: catalogues,
  gpus: catalogues,
  models: catalogues,
};

/**
 * Runs the command that these words ask for. What is wrong with them is said on stderr, and `process.exitCode` is
 * set; other failures are thrown.
 */
export async function runProgram(words: readonly string[]): Promise<void> {
  const program = new Command('quire')
    .description('A research engine for LLM serving: batching policies on a simulated GPU and on a real one.')
    .version(version)
    .showHelpAfterError('(quire <command> --help lists the flags)')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'quire: ')) })
    // Long flags leave little room beside them; wrap there all the same.
    .configureHelp({ minWidthToWrap: 20 })
    .exitOverride();
  for (const load of loadersFor(words)) (await load())(program);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed its message; help and version are no failures.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else if (error instanceof UsageError) {
      const { asTyped } = await import('./as-typed.ts');
      process.stderr.write(`quire: ${asTyped(error.message, words)}\n`);
      process.exitCode = 2;
    } else throw error;
  }
}

/** A command that is named is loaded alone, as all together take longer to load than many take to run. */
function loadersFor([name = '']: readonly string[]): Iterable<() => Promise<Commands>> {
  if (Object.hasOwn(loaders, name)) return [loaders[name]!];
  // The version needs none; help lists all, and a name that is unknown is compared with all.
  return name === '--version' || name === '-V' ? [] : new Set(Object.values(loaders));
}
