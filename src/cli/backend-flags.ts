import { type Command, Option } from 'commander';
import { quoted, UsageError } from '../core/errors.ts';
import { type Bytes, GiB } from '../core/units.ts';
import { type BackendName, backendNames } from '../engine/create-runner.ts';

/** What runs the model, as the command line says it. */
export interface BackendFlags {
  readonly backend?: BackendName;
  readonly adapter?: string;
  readonly dtype?: 'f16' | 'f32';
  readonly gpuMemory?: Bytes;
  readonly unsafeFast?: boolean;
  /** False: do not measure kernels. */
  readonly tune?: boolean;
}

/** Where the model comes from, beside its name. */
export interface HubFlags {
  readonly token?: string;
  readonly revision?: string;
  readonly offline?: boolean;
}

const GROUP = 'Backend:';

/** @param preset what holds without `--backend`, for the help. */
export function addBackendFlags(command: Command, preset: string): Command {
  const options = [
    new Option('--backend <name>', `${backendNames.join(', ')} (default: ${preset})`).argParser(
      oneOf('--backend', backendNames),
    ),
    new Option(
      '--adapter <number|name>',
      'which GPU, by its number or a part of its name (quire gpus --probe)',
    ),
    new Option(
      '--dtype <type>',
      'weights, activations and KV: f16, f32 (default: f16 where the adapter has it)',
    ).argParser(oneOf('--dtype', ['f16', 'f32'] as const)),
    new Option(
      '--gpu-memory <GiB>',
      'GPU memory for weights, activations and KV; of the reference backend: for KV (default: a KV cache of a ' +
        'modest size)',
    ).argParser(gpuMemory),
    new Option('--unsafe-fast', 'no bounds checks in GPU kernels: faster, and a bug may corrupt memory'),
    new Option(
      '--no-tune',
      'take kernels by rule, unproven, not by what was measured on this GPU when it was first used',
    ),
  ];
  for (const option of options) command.addOption(option.helpGroup(GROUP));
  return command;
}

export function addHubFlags(command: Command): Command {
  const options = [
    new Option('--token <text>', 'of the Hugging Face hub (default: HF_TOKEN, else that of its tools)'),
    new Option('--revision <name>', 'branch, tag or commit of a model of the hub (default: main)'),
    new Option('--offline', 'models from the cache only'),
  ];
  for (const option of options) command.addOption(option.helpGroup('Model:'));
  return command;
}

/** Flags that were given, of those that `addBackendFlags` and `addHubFlags` add; `--backend` excepted. */
export function givenBackendFlags(options: Record<string, unknown>): string[] {
  const flags = {
    adapter: '--adapter',
    dtype: '--dtype',
    gpuMemory: '--gpu-memory',
    unsafeFast: '--unsafe-fast',
    token: '--token',
    revision: '--revision',
    offline: '--offline',
  };
  const given = Object.entries(flags).flatMap(([key, flag]) => (options[key] === undefined ? [] : [flag]));
  return options['tune'] === false ? [...given, '--no-tune'] : given;
}

function oneOf<T extends string>(flag: string, names: readonly T[]): (value: string) => T {
  return value => {
    const found = names.find(name => name === value.toLowerCase());
    if (found !== undefined) return found;
    throw new UsageError(`${flag}: expected one of ${names.join(', ')}, found ${quoted(value)}`);
  };
}

function gpuMemory(text: string): Bytes {
  const match = /^(\d+(?:\.\d+)?|\.\d+) *(GiB|G|MiB|M)?$/i.exec(text.trim());
  const bytes = match ? Number(match[1]) * (/^m/i.test(match[2] ?? '') ? GiB / 1024 : GiB) : 0;
  if (bytes > 0) return Math.floor(bytes);
  // WebGPU has no query for it.
  const share = text.trim().endsWith('%') ? '; no shares: WebGPU does not say how much memory a GPU has' : '';
  throw new UsageError(`--gpu-memory: expected GiB, such as 8 or 0.5, found ${quoted(text)}${share}`);
}
