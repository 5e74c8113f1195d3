import { type Command, Option } from 'commander';
import { quoted, UsageError } from '../core/errors.ts';
import { KiB, MiB, type Seconds } from '../core/units.ts';
import { type Address, isLoopback } from '../server/address.ts';
import { type Alias, parseAlias } from '../server/alias.ts';
import { bounds, defaultOptions, type ServerOptions } from '../server/options.ts';
import { parseAllowedOrigin } from './allowed-origin.ts';
import { version } from './version.ts';

/** What the flags say of the server itself. */
export interface ServeSettings {
  readonly options: ServerOptions;
  readonly address: Address;
  /** What models are called, in their order; undefined: what they are called elsewhere. */
  readonly names: readonly string[] | undefined;
  readonly aliases: readonly Alias[];
  /** A file; undefined: what the models bring. */
  readonly chatTemplate: string | undefined;
  readonly shutdownTimeout: Seconds;
  readonly logLevel: string;
}

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Flags that take a number: what it must be, and what holds without it. */
const numbers = {
  port: { flag: '--port', least: 0, most: 65_535, preset: 8000 },
  maxQueuedRequests: { flag: '--max-queued-requests', least: 1, preset: defaultOptions.maxQueuedRequests },
  maxRequestsPerKey: { flag: '--max-requests-per-key', least: 1, preset: Number.POSITIVE_INFINITY },
  maxBodySize: { flag: '--max-body-size', least: 1, most: 1024, preset: defaultOptions.maxBodySize / MiB },
  maxStreamBacklog: {
    flag: '--max-stream-backlog',
    // A chunk with all its log probabilities must fit.
    least: 16,
    most: MiB,
    preset: defaultOptions.maxStreamBacklog / KiB,
  },
  maxLogprobs: { flag: '--max-logprobs', least: 0, most: 1000, preset: defaultOptions.maxLogprobs },
  shutdownTimeout: { flag: '--shutdown-timeout', least: 0, most: 86_400, preset: 30 },
} as const satisfies Record<string, { flag: string; least: number; most?: number; preset: number }>;

const several = (one: string, earlier: string[] = []) => [...earlier, one];

export function addServeFlags(command: Command): Command {
  const network = [
    new Option(
      '--host <address>',
      'who can reach it: 127.0.0.1 is this machine alone, 0.0.0.0 the network (default: 127.0.0.1)',
    ),
    new Option('--port <n>', '0 takes one that is free (default: 8000)'),
    new Option(
      '--api-key <key>',
      'clients must bring it (Authorization: Bearer …); may be given again (default: QUIRE_API_KEY, else none)',
    ).argParser(several),
    new Option(
      '--allowed-origins <origin>',
      'web pages that may call, * for all; may be given again (default: none)',
    ).argParser(several),
  ];
  const names = [
    new Option('--served-model-name <name>', 'what clients call a model; again for each --model').argParser(
      several,
    ),
    new Option(
      '--alias <name=model>',
      'another name, or a choice by weight: prod=A:90,B:10; may be given again',
    ).argParser(several),
    new Option('--chat-template <file>', 'Jinja, instead of that of the model'),
  ];
  const limits = [
    new Option(
      '--max-queued-requests <n>',
      'prompts of a model, waiting and running; more are told 503 (default: 4096)',
    ),
    new Option(
      '--max-requests-per-key <n>',
      'open requests of an API key; more are told 429 (default: no limit)',
    ),
    new Option('--max-body-size <MiB>', 'of a request (default: 4)'),
    new Option(
      '--max-stream-backlog <KiB>',
      'that a client may leave unread before its request is aborted (default: 1024)',
    ),
    new Option('--max-logprobs <n>', 'most likely tokens beside each, at most (default: 20)'),
    new Option('--shutdown-timeout <seconds>', 'that open requests are given to finish (default: 30)'),
  ];
  const telling = [
    new Option('--enable-prompt-tokens-details', 'usage tells what was found in the prefix cache'),
    new Option('--show-hidden-metrics', 'metrics that vLLM has retired, too'),
    new Option('--log-prompts', 'write prompts to the log'),
    new Option('--log-level <level>', `${logLevels.join(', ')} (default: info)`),
  ];
  const groups = { 'Network:': network, 'Model:': names, 'Server limits:': limits, 'Output:': telling };
  for (const [group, options] of Object.entries(groups)) {
    for (const option of options) command.addOption(option.helpGroup(group));
  }
  return command;
}

/** @throws UsageError that names the flag. */
export function serveSettingsOf(flags: Readonly<Record<string, unknown>>): ServeSettings {
  const number = (key: keyof typeof numbers) => numberOf(key, flags[key]);
  const apiKeys = keysOf(flags['apiKey']);
  const maxRequestsPerKey = number('maxRequestsPerKey');
  if (apiKeys.length === 0 && flags['maxRequestsPerKey'] !== undefined) {
    throw new UsageError('--max-requests-per-key has no effect without keys: give one with --api-key');
  }
  return {
    options: {
      apiKeys,
      allowedOrigins: ((flags['allowedOrigins'] as string[] | undefined) ?? []).map(parseAllowedOrigin),
      maxQueuedRequests: number('maxQueuedRequests'),
      maxRequestsPerKey,
      maxBodySize: number('maxBodySize') * MiB,
      maxStreamBacklog: number('maxStreamBacklog') * KiB,
      maxLogprobs: number('maxLogprobs'),
      enablePromptTokensDetails: flags['enablePromptTokensDetails'] === true,
      logPrompts: flags['logPrompts'] === true,
      showHiddenMetrics: flags['showHiddenMetrics'] === true,
      version,
    },
    address: { host: hostOf(flags['host']), port: number('port') },
    names: (flags['servedModelName'] as string[] | undefined)?.map(nameOf),
    aliases: ((flags['alias'] as string[] | undefined) ?? []).map(aliasOf),
    chatTemplate: templateOf(flags['chatTemplate']),
    shutdownTimeout: number('shutdownTimeout'),
    logLevel: levelOf(flags['logLevel']),
  };
}

/** Said on stderr when the server is open to more than was perhaps meant. */
export function openDoor({ options, address }: ServeSettings): string | undefined {
  if (options.apiKeys.length > 0 || isLoopback(address.host)) return undefined;
  return `--host ${address.host} without --api-key: everybody who can reach this machine can use the server`;
}

function numberOf(key: keyof typeof numbers, raw: unknown): number {
  const { flag, least, preset, ...rest } = numbers[key];
  if (raw === undefined) return preset;
  const most = 'most' in rest ? rest.most : Number.MAX_SAFE_INTEGER;
  const text = String(raw).trim();
  const value = text === '' ? Number.NaN : Number(text);
  const whole = flag === '--shutdown-timeout' || Number.isInteger(value);
  if (whole && value >= least && value <= most) return value;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least} on` : `from ${least} to ${most}`;
  throw new UsageError(`${flag}: expected a number ${range}, found ${quoted(raw)}`);
}

function keysOf(given: unknown): readonly string[] {
  const fromEnvironment = process.env['QUIRE_API_KEY'];
  const keys = (given as string[] | undefined) ?? (fromEnvironment ? [fromEnvironment] : []);
  if (keys.some(key => !/^\S+$/.test(key))) {
    throw new UsageError('--api-key: expected a key without spaces');
  }
  return keys;
}

function nameOf(name: string): string {
  checkName('--served-model-name', name);
  return name;
}

function aliasOf(text: string): Alias {
  const alias = parseAlias(text);
  checkName('--alias', alias.name);
  return alias;
}

/** Whether requests can say it in `model`. @throws UsageError when they cannot. */
function checkName(flag: string, name: string): void {
  if (name.trim() !== '' && name.length <= bounds.nameLength) return;
  throw new UsageError(
    `${flag}: expected a name of at most ${bounds.nameLength} characters, found ${quoted(name)}`,
  );
}

function templateOf(given: unknown): string | undefined {
  if (given === '') throw new UsageError('--chat-template: expected a file, found ""');
  return given as string | undefined;
}

function hostOf(given: unknown): string {
  const host = (given as string | undefined) ?? '127.0.0.1';
  if (host.trim() === '') throw new UsageError('--host: expected an address, such as 127.0.0.1, found ""');
  return host;
}

function levelOf(given: unknown): string {
  const level = (given as string | undefined) ?? 'info';
  if ((logLevels as readonly string[]).includes(level)) return level;
  throw new UsageError(`--log-level: expected one of ${logLevels.join(', ')}, found ${quoted(level)}`);
}
