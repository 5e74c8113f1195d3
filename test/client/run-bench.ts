import { Command } from 'commander';
import { expect, onTestFinished, vi } from 'vitest';
import { benchCommand } from '../../src/cli/bench-serve.ts';
import { UsageError } from '../../src/core/errors.ts';

export interface BenchRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as the command line does, but in this process. @throws UsageError where that would exit with 2. */
export async function benchServe(
  flags: string,
  env: Readonly<Record<string, string>> = {},
): Promise<BenchRun> {
  const run = { code: 0, stdout: '', stderr: '' };
  vi.stubEnv('OPENAI_API_KEY', '');
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      run[name] += text;
      return true;
    }),
  );
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  const program = new Command('quire').exitOverride();
  benchCommand(program);
  try {
    const words = flags.split(' ').filter(word => word !== '');
    await program.parseAsync(['bench', 'serve', ...words], { from: 'user' });
    return { ...run, code: Number(process.exitCode ?? 0) };
  } finally {
    // It is the code of the test run as well.
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}

/** What it says against these flags. */
export async function refusal(flags: string): Promise<string> {
  const error = await benchServe(flags).catch(caught => caught);
  expect(error).toBeInstanceOf(UsageError);
  return error.message;
}
