import type { z } from 'zod';
import { didYouMean } from '../core/did-you-mean.ts';
import { quoted, UsageError } from '../core/errors.ts';
import type { Setting } from './setting.ts';
import { settings } from './settings.ts';

type Settings = typeof settings;
export type SettingKey = keyof Settings;

/** A config as a person writes it: any subset of the settings. */
export type Config = { -readonly [K in SettingKey]?: z.output<Settings[K]['schema']> };

/** What holds where a config says nothing. `trace` replaces `workload` and its rate. */
export const configDefaults = {
  policy: ['hf-static', 'vllm'],
  model: 'llama-13b',
  gpu: 'a100-40g',
  tensor_parallel: 1,
  weights: 'fp16',
  kv_cache_dtype: 'fp16',
  gpu_memory_utilization: 0.9,
  workload: 'sharegpt',
  request_rate: 'inf',
  burstiness: 1,
  time_scale: 1,
  input_len: 512,
  output_len: 128,
  range_ratio: 0.5,
  prefix_groups: 8,
  prefix_len: 512,
  users: 64,
  think_time: 5,
  turns: 5,
  n: 1,
  max_tokens: 'auto',
  seed: 0,
} as const satisfies Config;

/** Checks a config read from JSON. @throws UsageError that names `source`, the key, what was expected and found. */
export function parseConfig(value: unknown, source: string): Config {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`${source}: expected a JSON object of settings`);
  }
  const entries = Object.entries(value).map(([key, entry]) => [key, parseSetting(key, entry, `${source}: `)]);
  return Object.fromEntries(entries) as Config;
}

export function parseSetting(key: string, value: unknown, prefix: string, shown = key): unknown {
  const setting = Object.hasOwn(settings, key) ? (settings as Record<string, Setting>)[key] : undefined;
  if (!setting) {
    const near = didYouMean(key, Object.keys(settings));
    throw new UsageError(`${prefix}unknown setting ${quoted(key)}${near ? `; did you mean ${near}?` : ''}`);
  }
  const parsed = setting.schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${prefix}${shown}: ${parsed.error.issues[0]!.message}, found ${quoted(value)}`);
}
