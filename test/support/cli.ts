import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { expect, onTestFinished, vi } from 'vitest';
import { addOutputOptions } from '../../src/cli/compare.ts';
import { execute } from '../../src/cli/execute.ts';
import { addSettings, configOfFlags } from '../../src/cli/flags.ts';
import { UsageError } from '../../src/core/errors.ts';
import { builtOnce, digest, runTool } from './built-once.ts';

const root = resolve(import.meta.dirname, '../..');

export interface Run {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Folder to run in; results land in its quire-results/. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Called as soon as the process exists, to disturb it. */
  readonly started?: (child: ChildProcess) => void;
  /** File descriptor instead of a pipe. */
  readonly stdout?: number;
  /** What it reads from standard input; absent: nothing is there. */
  readonly input?: string;
  /** Milliseconds until it is killed, as one that hangs. */
  readonly timeout?: number;
  /** Another process, though nothing else here needs one. */
  readonly alone?: boolean;
}

/** Runs `quire` as a user does: another process, another folder, no terminal. */
export async function quire(args: readonly string[], options: RunOptions): Promise<Run> {
  const { NO_COLOR: _, FORCE_COLOR: __, ...env } = process.env;
  const child = spawn(process.execPath, [main(), ...args], {
    cwd: options.cwd,
    env: { ...env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', options.stdout ?? 'pipe', 'pipe'],
    timeout: options.timeout ?? 150_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', text => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', text => {
    stderr += text;
  });
  child.stdin?.end(options.input);
  options.started?.(child);
  return await new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }));
  });
}

/**
 * Runs `quire` as it was built, in this process unless the options need another: starting one takes longer than
 * most of what is looked at here. Each file of tests has some that run alone.
 */
async function quireHere(args: readonly string[], options: RunOptions): Promise<Run> {
  const { alone, env, input, started, stdout: descriptor } = options;
  if (alone || env || started || input !== undefined || descriptor !== undefined) {
    return await quire(args, options);
  }
  const entrance = main();
  const program: typeof import('../../src/cli/program.ts') = await import(
    pathToFileURL(join(dirname(entrance), 'program.js')).href
  );
  const { argv, exitCode } = process;
  const cwd = process.cwd();
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation(text => {
      written[name] += text;
      return true;
    }),
  );
  try {
    process.chdir(options.cwd);
    process.argv = [process.execPath, entrance, ...args];
    process.exitCode = undefined;
    await program.runProgram(args);
    return { code: Number(process.exitCode ?? 0), signal: null, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.argv = argv;
    process.exitCode = exitCode;
    process.chdir(cwd);
  }
}

/** Runs `quire`, which must succeed and say nothing on stderr; hands back its stdout. */
export async function succeed(args: readonly string[], options: RunOptions): Promise<string> {
  const run = await quireHere(args, options);
  expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: '' });
  return run.stdout;
}

/**
 * Runs `quire`, which must refuse: exit code 2, its message on stderr and no stack trace, nothing on stdout,
 * and the folder as it was. Hands back the message without "quire: ".
 */
export async function refuse(args: readonly string[], options: RunOptions): Promise<string> {
  const before = contents(options.cwd);
  const { code, stdout, stderr } = await quireHere(args, options);
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^quire: /),
  });
  expect(stderr).not.toMatch(/^ {4}at |node:internal|Node\.js v|undefined|\[object /m);
  expect(contents(options.cwd)).toEqual(before);
  return stderr.slice('quire: '.length).trimEnd();
}

/**
 * What `quire compare` says against these flags before it runs anything, or undefined: in this process, as
 * starting another for each of many takes long. `''` in the text is an empty word.
 */
export async function complaint(flags: string): Promise<string | undefined> {
  const command = addOutputOptions(addSettings(new Command())).exitOverride();
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    command.parse(words(flags), { from: 'user' });
    await execute(configOfFlags(command.opts()), { printConfig: true });
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  } finally {
    stdout.mockRestore();
  }
}

export function words(text: string): string[] {
  return text.split(' ').map(word => (word === "''" ? '' : word));
}

/** An empty folder that lasts as long as the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'quire-cli-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Every file below a folder, with a digest of what is in it. */
export function contents(path: string): Record<string, string> {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).map(entry => {
    const file = join(entry.parentPath, entry.name);
    return [file.slice(path.length + 1), entry.isFile() ? digest(readFileSync(file)) : 'not a file'] as const;
  });
  return Object.fromEntries(files.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A trace of shared/data, by name. */
export function realTrace(name: string): string {
  const file = resolve(root, process.env['QUIRE_DATA'] ?? '../shared/data', 'traces', name);
  if (existsSync(file)) return file;
  throw new Error(`${file} is absent: set QUIRE_DATA to the folder that holds traces/${name}`);
}

let built: string | Error | undefined;

/** Once a process: sources that do not build would otherwise be tried again for each test. */
function main(): string {
  try {
    built ??= build();
  } catch (error) {
    built = error as Error;
  }
  if (built instanceof Error) throw built;
  return built;
}

/** `dist/src/cli/main.js` of the sources as they are now. */
function build(): string {
  const inputs = ['src', 'viz', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
  const home = builtOnce('quire-cli', inputs, folder => {
    cpSync(join(root, 'package.json'), join(folder, 'package.json'));
    const out = ['--declaration', 'false', '--outDir', join(folder, 'dist')];
    runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.json', ...out]);
  });
  return join(home, 'dist/src/cli/main.js');
}
