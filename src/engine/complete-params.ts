import { quoted, UsageError } from '../core/errors.ts';
import type { SamplingParams } from '../core/sampling-params.ts';

/** `SamplingParams`, each optional; a single stop string may stand alone, a bias may be a plain object. */
export type SamplingOptions = {
  readonly [K in Exclude<keyof SamplingParams, 'logitBias' | 'stop'>]?: SamplingParams[K] | undefined;
} & {
  readonly logitBias?: ReadonlyMap<number, number> | Readonly<Record<number, number>> | undefined;
  readonly stop?: string | readonly string[] | undefined;
};

/** vLLM's defaults. */
const defaults: SamplingParams = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: new Map(),
  logprobs: undefined,
  seed: undefined,
  maxTokens: 16,
  minTokens: 0,
  stop: [],
  stopTokenIds: [],
  ignoreEos: false,
  n: 1,
  structure: undefined,
};

/** Below it vLLM draws greedily. */
const LEAST_TEMPERATURE = 1e-5;

interface Rule {
  readonly text: string;
  readonly holds: (value: number) => boolean;
}

const between = (low: number, high: number): Rule => ({
  text: `a number from ${low} to ${high}`,
  holds: value => value >= low && value <= high,
});
const atLeast = (low: number): Rule => ({
  text: `a whole number from ${low} on`,
  holds: value => Number.isSafeInteger(value) && value >= low,
});

const rules = {
  temperature: { text: 'a number from 0 on', holds: value => value >= 0 && Number.isFinite(value) },
  topK: {
    text: 'a whole number from 0 on (0: all)',
    holds: value => Number.isSafeInteger(value) && value >= 0,
  },
  topP: { text: 'a number above 0, at most 1', holds: value => value > 0 && value <= 1 },
  minP: between(0, 1),
  presencePenalty: between(-2, 2),
  frequencyPenalty: between(-2, 2),
  repetitionPenalty: { text: 'a number above 0', holds: value => value > 0 && Number.isFinite(value) },
  logprobs: atLeast(0),
  seed: atLeast(0),
  maxTokens: atLeast(1),
  minTokens: atLeast(0),
  n: atLeast(1),
} satisfies Partial<Record<keyof SamplingParams, Rule>>;

/** @throws UsageError that names the parameter, what it may be, and what it was. */
export function completeParams(options: SamplingOptions = {}): SamplingParams {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(
      `sampling parameters are ${quoted(options)}, but must be an object such as {maxTokens: 100}`,
    );
  }
  for (const key of Object.keys(options)) {
    if (!Object.hasOwn(defaults, key)) {
      throw new UsageError(
        `there is no sampling parameter ${quoted(key)}: there are ${Object.keys(defaults).join(', ')}`,
      );
    }
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const { stop = [], logitBias = new Map<number, number>() } = options;
  const params: SamplingParams = {
    ...defaults,
    ...given,
    stop: typeof stop === 'string' ? [stop] : stop,
    logitBias: biasOf(logitBias),
  };
  for (const [key, { text, holds }] of Object.entries(rules) as [keyof typeof rules, Rule][]) {
    const value = params[key];
    if (value === undefined || (typeof value === 'number' && holds(value))) continue;
    throw new UsageError(`${key} is ${quoted(value)}, but must be ${text}`);
  }
  checkList('stop', params.stop, 'a text, or a list of texts', 'string');
  checkList('stopTokenIds', params.stopTokenIds, 'a list of token ids', 'number');
  if (params.minTokens > params.maxTokens) {
    throw new UsageError(`minTokens (${params.minTokens}) is more than maxTokens (${params.maxTokens})`);
  }
  if (params.stop.includes('')) throw new UsageError('an empty stop string would end every output at once');
  return params.temperature < LEAST_TEMPERATURE ? { ...params, temperature: 0 } : params;
}

function checkList(name: string, list: unknown, expected: string, kind: 'string' | 'number'): void {
  if (Array.isArray(list) && list.every(item => typeof item === kind)) return;
  throw new UsageError(`${name} is ${quoted(list)}, but must be ${expected}`);
}

function biasOf(bias: NonNullable<SamplingOptions['logitBias']>): ReadonlyMap<number, number> {
  if (typeof bias !== 'object' || bias === null) {
    throw new UsageError(`logitBias is ${quoted(bias)}, but must map token ids to numbers`);
  }
  const entries =
    bias instanceof Map ? [...bias] : Object.entries(bias).map(([id, value]) => [Number(id), value]);
  const map = new Map(entries as [number, number][]);
  for (const [id, value] of map) {
    if (Number.isSafeInteger(id) && id >= 0 && Number.isFinite(value)) continue;
    throw new UsageError(
      `logitBias has ${quoted(value)} for ${quoted(id)}: it must map token ids to numbers`,
    );
  }
  return map;
}
