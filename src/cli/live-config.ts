import { quoted, UsageError } from '../core/errors.ts';
import type { Tokens } from '../core/units.ts';
import type { FullConfig } from '../sim/build-workload.ts';
import { completeConfig, effectiveConfig } from '../sim/check-config.ts';
import type { Config, SettingKey } from '../sim/config.ts';
import { isRead } from '../sim/relevance.ts';

/** Settings of a simulation that mean nothing on a real device, and why. */
const without: { readonly [K in SettingKey]?: string } = {
  gpu: 'the model runs on a GPU of this machine (--adapter chooses)',
  tensor_parallel: 'the model runs on one GPU',
  weights: '--dtype says how the model is stored',
  kv_cache_dtype: '--dtype says how KV is stored',
  gpu_memory_utilization: '--gpu-memory says how much is taken',
  kernels: 'nothing is priced: it is measured',
  profile: 'nothing is priced: it is measured',
  enforce_eager: 'there are no CUDA graphs',
  kv_slots: '--num-gpu-blocks-override says how much KV memory there is',
  long_prefill_token_threshold: 'engines on a real device do not have it',
  watermark: 'engines on a real device do not have it',
  beam_width: 'there is no beam search on a real device',
  abort_after: 'clients of a real device do not hang up',
  replications: 'it is one run; give the command again for another',
};

/** Requests of a run whose time is real. */
const REQUESTS = 32;
const CONVERSATIONS = 8;
const MOST_SEQS = 256;

/**
 * The settings of a comparison on a real device, the workload's sizes chosen to suit the model's context.
 * @throws UsageError for settings that a real device does not look at.
 */
export function liveConfig(asked: Config, maxModelLen: Tokens): FullConfig {
  for (const key of Object.keys(asked) as SettingKey[]) {
    const why = without[key];
    if (why === undefined) continue;
    throw new UsageError(`--${key.replaceAll('_', '-')} has no effect with --backend: ${why}; leave it out`);
  }
  if (asked.max_tokens !== undefined && asked.max_tokens !== 'exact') {
    throw new UsageError(
      `--max-tokens ${quoted(asked.max_tokens)} with --backend: outputs are made as long as the workload has them, ` +
        'which is exact; leave it out',
    );
  }
  const context = Math.min(asked.max_model_len ?? maxModelLen, maxModelLen);
  const least = (tokens: Tokens, share: number) => Math.max(1, Math.min(tokens, Math.floor(context * share)));
  const workload = asked.trace === undefined ? (asked.workload ?? 'uniform') : undefined;
  const sizes: Config = {
    num_prompts: REQUESTS,
    users: CONVERSATIONS,
    input_len: least(512, 1 / 16),
    output_len: least(256, 1 / 8),
    prefix_len: least(512, 1 / 8),
    // Several batches follow one another, or a static one would have nothing to wait for.
    max_num_seqs: Math.min(MOST_SEQS, Math.ceil((asked.num_prompts ?? REQUESTS) / 4)),
    ...(asked.workload === undefined && { range_ratio: 0.9 }),
  };
  const named: Config = { ...asked, ...(workload && { workload }), max_tokens: 'exact' };
  const filled = Object.entries(sizes).filter(([key]) => isRead(key as SettingKey, named));
  const full = completeConfig({ ...Object.fromEntries(filled), ...named, replications: 1 });
  const repeated = full.policy.find((name, i) => full.policy.indexOf(name) !== i);
  if (repeated) throw new UsageError(`policy ${repeated} is named twice`);
  return full;
}

/** Those that had an effect, for results. */
export function liveSettings(config: FullConfig): Config {
  return Object.fromEntries(
    Object.entries(effectiveConfig(config)).filter(([key]) => without[key as SettingKey] === undefined),
  );
}
