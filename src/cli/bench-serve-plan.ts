import { randomBytes } from 'node:crypto';
import { type Api, apis } from '../client/api.ts';
import { type LatencyMetric, latencyMetrics, type MetricsOptions } from '../client/bench-metrics.ts';
import { parseGoodput } from '../client/goodput.ts';
import { quoted, UsageError } from '../core/errors.ts';
import { type BenchFlags, type DatasetName, parsePairs } from './bench-serve-flags.ts';

/** What will be done: flags that fit together, with their defaults. */
export interface BenchPlan {
  readonly flags: BenchFlags;
  readonly baseUrl: URL;
  readonly api: Api;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dataset: DatasetName;
  readonly selfTimed: boolean;
  readonly requestRate: number;
  readonly ignoreEos: boolean;
  readonly extraBody: Readonly<Record<string, unknown>>;
  readonly requestIdPrefix: string;
  readonly metrics: MetricsOptions;
  readonly metadata: Readonly<Record<string, string>>;
}

/** @throws UsageError for flags that contradict each other, or would be of no effect. */
export function benchPlan(flags: BenchFlags, env: Readonly<Record<string, string | undefined>>): BenchPlan {
  const dataset = flags.datasetName === 'timed_trace' ? 'trace' : flags.datasetName;
  checkDataset(flags, dataset);
  if (flags.saveDetailed && !flags.saveResult && !flags.appendResult && !flags.json)
    throw new UsageError('--save-detailed: nothing is saved; add --save-result, --append-result or --json');
  const api = apis[flags.backend];
  const path = endpointOf(flags, api);
  const apiKey = flags.apiKey ?? env['OPENAI_API_KEY'];
  const selfTimed = dataset === 'trace' && flags.selfTimed;
  return {
    flags,
    baseUrl: baseUrlOf(flags, path),
    api,
    path,
    headers: {
      ...(apiKey && { authorization: `Bearer ${apiKey}` }),
      ...headersOf(flags.header),
    },
    dataset,
    selfTimed,
    requestRate: flags.requestRate ?? Number.POSITIVE_INFINITY,
    ignoreEos: flags.ignoreEos ?? (dataset === 'random' || dataset === 'trace'),
    extraBody: { ...samplingOf(flags), ...flags.extraBody },
    requestIdPrefix: flags.requestIdPrefix ?? `bench-${randomBytes(4).toString('hex')}-`,
    metrics: {
      metrics: metricsOf(flags.percentileMetrics),
      percentiles: percentilesOf(flags.metricPercentiles),
      ...(flags.goodput && { goodput: parseGoodput(flags.goodput) }),
    },
    metadata: parsePairs('--metadata', flags.metadata),
  };
}

/** Flags that only some data sets know. */
const only: readonly (readonly [keyof BenchFlags, string, readonly DatasetName[]])[] = [
  ['inputLen', '--input-len', ['random']],
  ['outputLen', '--output-len', ['random', 'sharegpt', 'prefix_repetition']],
  ['randomInputLen', '--random-input-len', ['random']],
  ['randomOutputLen', '--random-output-len', ['random']],
  ['randomRangeRatio', '--random-range-ratio', ['random']],
  ['randomPrefixLen', '--random-prefix-len', ['random']],
  ['sharegptOutputLen', '--sharegpt-output-len', ['sharegpt']],
  ['prefixRepetitionPrefixLen', '--prefix-repetition-prefix-len', ['prefix_repetition']],
  ['prefixRepetitionSuffixLen', '--prefix-repetition-suffix-len', ['prefix_repetition']],
  ['prefixRepetitionNumPrefixes', '--prefix-repetition-num-prefixes', ['prefix_repetition']],
  ['prefixRepetitionOutputLen', '--prefix-repetition-output-len', ['prefix_repetition']],
  ['timeScale', '--time-scale', ['trace']],
  ['datasetPath', '--dataset-path', ['sharegpt', 'trace']],
];

function checkDataset(flags: BenchFlags, dataset: DatasetName): void {
  for (const [key, flag, sets] of only) {
    if (flags[key] === undefined || sets.includes(dataset)) continue;
    throw new UsageError(
      `${flag}: has no effect on ${dataset}; it is for --dataset-name ${sets.join(' or ')}`,
    );
  }
  if (dataset !== 'trace') {
    if (!flags.selfTimed) throw new UsageError('--no-self-timed: only a trace has times of its own');
    return;
  }
  if (flags.datasetPath === undefined)
    throw new UsageError('--dataset-name trace: name its file with --dataset-path');
  if (flags.selfTimed && flags.requestRate !== undefined) {
    throw new UsageError(
      '--request-rate: the trace has its own times; change them with --time-scale, or leave them with --no-self-timed',
    );
  }
  if (!flags.selfTimed && flags.timeScale !== undefined)
    throw new UsageError(
      '--time-scale: without the times of the trace (--no-self-timed) there is nothing to scale',
    );
}

function endpointOf({ endpoint, backend }: BenchFlags, api: Api): string {
  if (endpoint === undefined) return api.path;
  if (!endpoint.startsWith('/'))
    throw new UsageError(`--endpoint: expected a path that begins with /, found ${quoted(endpoint)}`);
  const isChat = endpoint.endsWith('/chat/completions');
  if (isChat !== (backend === 'openai-chat')) {
    const other = isChat
      ? 'is the chat API: add --backend openai-chat'
      : 'is not the chat API: leave out --backend openai-chat';
    throw new UsageError(`--endpoint ${endpoint}: ${other}`);
  }
  return endpoint;
}

/** Where the API, /v1/models and /tokenize are. Many a base URL is given with the /v1 that the paths have already. */
function baseUrlOf({ baseUrl, host, port }: BenchFlags, path: string): URL {
  if (baseUrl === undefined) {
    const name = host ?? '127.0.0.1';
    return parseUrl('--host', `http://${name.includes(':') ? `[${name}]` : name}:${port ?? 8000}`);
  }
  if (host !== undefined || port !== undefined)
    throw new UsageError('--base-url: says where the server is; leave out --host and --port');
  const url = parseUrl('--base-url', baseUrl);
  if (path.startsWith('/v1/')) url.pathname = url.pathname.replace(/\/v1\/?$/, '');
  return url;
}

function parseUrl(flag: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') return url;
  throw new UsageError(`${flag}: expected an address such as http://127.0.0.1:8000, found ${quoted(text)}`);
}

function headersOf(words: readonly string[] | undefined): Record<string, string> {
  const headers = parsePairs('--header', words);
  for (const [name, value] of Object.entries(headers)) {
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) continue;
    throw new UsageError(`--header: ${quoted(`${name}=${value}`)} cannot be a header`);
  }
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function samplingOf(flags: BenchFlags): Record<string, number> {
  const values = {
    temperature: flags.temperature,
    top_p: flags.topP,
    top_k: flags.topK,
    min_p: flags.minP,
    frequency_penalty: flags.frequencyPenalty,
    presence_penalty: flags.presencePenalty,
    repetition_penalty: flags.repetitionPenalty,
  };
  return Object.fromEntries(
    Object.entries(values).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}

function metricsOf(list: string): LatencyMetric[] {
  const names = Object.keys(latencyMetrics) as LatencyMetric[];
  const asked = list.split(',').map(text => text.trim());
  for (const text of asked) {
    if (!names.some(name => name === text))
      throw new UsageError(
        `--percentile-metrics: expected some of ${names.join(', ')}, found ${quoted(text)}`,
      );
  }
  return names.filter(name => asked.includes(name));
}

function percentilesOf(list: string): number[] {
  return list.split(',').map(text => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= 0 && value <= 100) return value;
    throw new UsageError(
      `--metric-percentiles: expected numbers from 0 to 100 such as 50,99, found ${quoted(text)}`,
    );
  });
}
