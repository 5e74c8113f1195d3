import { type Command, Option } from 'commander';
import { apis, type BackendName } from '../client/api.ts';
import { quoted, UsageError } from '../core/errors.ts';

/** What the flags say, each checked by itself; those that must fit together, `benchPlan` looks at. */
export interface BenchFlags {
  readonly backend: BackendName;
  readonly baseUrl?: string;
  readonly host?: string;
  readonly port?: number;
  readonly endpoint?: string;
  readonly model?: string;
  readonly apiKey?: string;
  readonly header?: readonly string[];
  readonly datasetName: DatasetName | 'timed_trace';
  readonly datasetPath?: string;
  readonly numPrompts: number;
  readonly inputLen?: number;
  readonly outputLen?: number;
  readonly randomInputLen?: number;
  readonly randomOutputLen?: number;
  readonly randomRangeRatio?: number;
  readonly randomPrefixLen?: number;
  readonly sharegptOutputLen?: number;
  readonly prefixRepetitionPrefixLen?: number;
  readonly prefixRepetitionSuffixLen?: number;
  readonly prefixRepetitionNumPrefixes?: number;
  readonly prefixRepetitionOutputLen?: number;
  readonly timeScale?: number;
  readonly selfTimed: boolean;
  readonly promptType: 'text' | 'token-ids';
  readonly vocabSize?: number;
  readonly requestRate?: number;
  readonly burstiness: number;
  readonly maxConcurrency?: number;
  readonly seed: number;
  readonly numWarmups: number;
  readonly readyCheckTimeoutSec: number;
  readonly requestIdPrefix?: string;
  readonly ignoreEos?: boolean;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly repetitionPenalty?: number;
  readonly extraBody?: Readonly<Record<string, unknown>>;
  readonly percentileMetrics: string;
  readonly metricPercentiles: string;
  readonly goodput?: readonly string[];
  readonly saveResult?: boolean;
  readonly saveDetailed?: boolean;
  readonly appendResult?: boolean;
  readonly resultDir?: string;
  readonly resultFilename?: string;
  readonly label?: string;
  readonly metadata?: readonly string[];
  readonly json?: boolean;
  readonly disableTqdm?: boolean;
}

export const datasetNames = ['random', 'sharegpt', 'prefix_repetition', 'trace'] as const;
export type DatasetName = (typeof datasetNames)[number];

/** The flags of `vllm bench serve`, under its names and with its defaults. */
export function addBenchFlags(command: Command): Command {
  const add = (group: string, flag: string, help: string, adjust: (option: Option) => Option = same) =>
    command.addOption(adjust(new Option(flag, help)).helpGroup(`${group}:`));
  const whole = (min: number) => (option: Option) =>
    option.argParser(text => parseNumber(option.long!, text, { min, isWhole: true }));
  const number = (limits: Limits) => (option: Option) =>
    option.argParser(text => parseNumber(option.long!, text, limits));
  const any = number({ min: Number.NEGATIVE_INFINITY });

  const server = 'Server';
  add(server, '--backend <name>', 'completions (openai, vllm) or chat (openai-chat)', option =>
    option.choices(Object.keys(apis)).default('openai'),
  );
  add(server, '--base-url <url>', 'of the server, instead of host and port');
  add(server, '--host <host>', 'of the server (default: 127.0.0.1)');
  add(server, '--port <n>', 'of the server (default: 8000)', number({ min: 1, max: 65535, isWhole: true }));
  add(server, '--endpoint <path>', 'of the API (default: /v1/completions, /v1/chat/completions for chat)');
  add(server, '--model <name>', 'as the server calls it (default: the first of /v1/models)');
  add(server, '--api-key <key>', 'sent as a bearer token (default: OPENAI_API_KEY)');
  add(server, '--header <key=value...>', 'sent with every request');
  add(
    server,
    '--ready-check-timeout-sec <s>',
    'wait so long for the server to answer a test request; 0: no test',
    option => number({ min: 0 })(option).default(0),
  );

  const data = 'Data set';
  add(data, '--dataset-name <name>', `${datasetNames.join(', ')}`, option =>
    option.choices([...datasetNames, 'timed_trace']).default('random'),
  );
  add(
    data,
    '--dataset-path <file>',
    "ShareGPT's JSON, or a trace (Azure, Mooncake, BurstGPT, vllm bench, Quire; gzip or not)",
  );
  add(data, '--num-prompts <n>', 'requests to send; of a trace, the first so many', option =>
    whole(1)(option).default(1000),
  );
  add(data, '--input-len <n>', 'tokens of a prompt, for random', whole(0));
  add(data, '--output-len <n>', 'tokens of an answer, for all but traces', whole(1));
  add(data, '--random-input-len <n>', 'tokens of a prompt (default: 1024)', whole(0));
  add(data, '--random-output-len <n>', 'tokens of an answer (default: 128)', whole(1));
  add(
    data,
    '--random-range-ratio <x>',
    'both uniform within 1 ± x of that (default: 0)',
    number({ min: 0, max: 1 }),
  );
  add(
    data,
    '--random-prefix-len <n>',
    'tokens that all prompts begin with, beside the input length (default: 0)',
    whole(0),
  );
  add(data, '--sharegpt-output-len <n>', 'instead of the length of the recorded answer', whole(1));
  add(data, '--prefix-repetition-prefix-len <n>', 'tokens of a shared prefix (default: 256)', whole(1));
  add(data, '--prefix-repetition-suffix-len <n>', 'tokens after it (default: 256)', whole(1));
  add(data, '--prefix-repetition-num-prefixes <n>', 'different prefixes (default: 10)', whole(1));
  add(data, '--prefix-repetition-output-len <n>', 'tokens of an answer (default: 128)', whole(1));
  add(
    data,
    '--time-scale <x>',
    'multiplies the times of a trace: 0.5 doubles the rate (default: 1)',
    number({ above: 0 }),
  );
  add(data, '--no-self-timed', 'send a trace at --request-rate instead of at its own times');
  add(data, '--prompt-type <type>', 'text, or token-ids (completions only)', option =>
    option.choices(['text', 'token-ids']).default('text'),
  );
  add(data, '--vocab-size <n>', 'token ids below this, where the server has no /tokenize', whole(1));

  const load = 'Load';
  add(
    load,
    '--request-rate <x>',
    'requests a second; inf: all at once (default: inf)',
    number({ above: 0, mayBeInfinite: true }),
  );
  add(
    load,
    '--burstiness <x>',
    'gaps gamma-distributed with this shape: 1 Poisson, below burstier, inf evenly',
    option => number({ above: 0, mayBeInfinite: true })(option).default(1),
  );
  add(load, '--max-concurrency <n>', 'requests at a time, at most (default: no limit)', whole(1));
  add(load, '--num-warmups <n>', 'times the first request is sent before', option =>
    whole(0)(option).default(0),
  );
  add(load, '--seed <n>', 'of all random numbers', option =>
    number({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1, isWhole: true })(option).default(0),
  );
  add(
    load,
    '--request-id-prefix <text>',
    'of the x-request-id header (default: bench-, eight random digits, -)',
  );

  const sampling = 'Sampling';
  add(sampling, '--ignore-eos', 'answers go on to their length (default: for random and trace)');
  add(
    sampling,
    '--temperature <x>',
    "0 is greedy (this and the following: the server's default)",
    number({ min: 0 }),
  );
  add(sampling, '--top-p <x>', 'nucleus', any);
  add(sampling, '--top-k <n>', 'most likely tokens', any);
  add(sampling, '--min-p <x>', 'least share of the most likely', any);
  add(sampling, '--frequency-penalty <x>', 'subtracted from logits, times how often', any);
  add(sampling, '--presence-penalty <x>', 'subtracted from logits', any);
  add(sampling, '--repetition-penalty <x>', 'divides logits', any);
  add(sampling, '--extra-body <json>', 'further fields of each request', option =>
    option.argParser(parseObject),
  );

  const result = 'Result';
  add(
    result,
    '--percentile-metrics <names>',
    'of ttft, tpot, itl, e2el, client_queue_time, e2el_including_client_queue',
    option => option.default('ttft,tpot,itl'),
  );
  add(result, '--metric-percentiles <list>', 'such as 50,99,99.9', option => option.default('99'));
  add(result, '--goodput <limits...>', 'ttft:500 tpot:50 e2el:10000, in ms: requests that meet all are good');
  add(result, '--save-result', 'write the result as JSON');
  add(result, '--save-detailed', 'with what came of each request');
  add(result, '--append-result', 'add it to the file as a further line instead');
  add(result, '--result-dir <folder>', 'where it goes (default: the current folder)');
  add(result, '--result-filename <name>', 'its name (default: {label}-{rate}qps-{model}-{time}.json)');
  add(result, '--label <text>', 'beginning of that name (default: the backend)');
  add(result, '--metadata <key=value...>', 'kept with the result');
  add(result, '--json', 'print the result as JSON');
  add(result, '--disable-tqdm', 'no progress');
  return command;
}

interface Limits {
  readonly min?: number;
  /** Larger than this. */
  readonly above?: number;
  readonly max?: number;
  readonly isWhole?: boolean;
  readonly mayBeInfinite?: boolean;
}

const same = (option: Option) => option;

/** @throws UsageError that names the flag. */
function parseNumber(flag: string, text: string, limits: Limits): number {
  const { min, above, max = Number.MAX_VALUE, isWhole, mayBeInfinite } = limits;
  if (mayBeInfinite && /^\+?inf(inity)?$/i.test(text.trim())) return Number.POSITIVE_INFINITY;
  // An empty text is no number, though Number('') is 0.
  const value = text.trim() === '' ? Number.NaN : Number(text);
  const isIn = (min === undefined || value >= min) && (above === undefined || value > above) && value <= max;
  if (Number.isFinite(value) && isIn && (!isWhole || Number.isSafeInteger(value))) return value;
  const kind = isWhole ? 'a whole number' : 'a number';
  const ranges = [
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(min === undefined || !Number.isFinite(min) ? [] : [`of at least ${min}`]),
    ...(max === Number.MAX_VALUE ? [] : [`up to ${max}`]),
    ...(mayBeInfinite ? ['or inf'] : []),
  ];
  throw new UsageError(`${flag}: expected ${[kind, ...ranges].join(' ')}, found ${quoted(text)}`);
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new UsageError(`--extra-body: expected a JSON object, found ${quoted(text)}`);
}

/** `key=value` words. @throws UsageError that names the flag. */
export function parsePairs(flag: string, words: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    words.map(word => {
      const at = word.indexOf('=');
      if (at < 1) throw new UsageError(`${flag}: expected key=value, found ${quoted(word)}`);
      return [word.slice(0, at).trim(), word.slice(at + 1).trim()];
    }),
  );
}
