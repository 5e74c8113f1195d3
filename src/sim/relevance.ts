import { UsageError } from '../core/errors.ts';
import { findPolicy } from '../core/policies/registry.ts';
import type { Config, SettingKey } from './config.ts';
import { settings } from './settings.ts';
import type { workloadNames } from './workload-settings.ts';

const openLoop = ['num_prompts', 'request_rate', 'fixed_rate', 'burstiness'] as const;
const asked = [...openLoop, 'n', 'beam_width', 'abort_after', 'high_priority_share'] as const;
const lengths = ['input_len', 'output_len'] as const;

/** The settings of the group Workload that each workload looks at; `workload` and `max_tokens` apply to all. */
const readBy: Record<(typeof workloadNames)[number], readonly SettingKey[]> = {
  sharegpt: asked,
  alpaca: asked,
  fixed: [...asked, ...lengths],
  uniform: [...asked, ...lengths, 'range_ratio'],
  lognormal: [...asked, ...lengths],
  'shared-prefix': [...asked, ...lengths, 'prefix_groups', 'prefix_len'],
  'closed-loop': ['num_prompts', 'users', 'think_time', ...lengths],
  chat: ['users', 'think_time', 'turns', 'request_rate', 'fixed_rate', 'burstiness', ...lengths],
};

/** Whether a setting has any effect beside the others. */
export function isRead(key: SettingKey, config: Config): boolean {
  if (settings[key].group !== 'Workload' || key === 'max_tokens') return true;
  if (config.trace !== undefined) return ['trace', 'num_prompts', 'time_scale'].includes(key);
  if (key === 'workload') return true;
  // Bursts of gaps there are none of; and a search has no samples.
  if (key === 'burstiness') {
    const timed = config.request_rate !== undefined && config.request_rate !== 'inf' && !config.fixed_rate;
    return timed && isListed(key, config);
  }
  if (key === 'n' && config.beam_width !== undefined) return false;
  return isListed(key, config);
}

function isListed(key: SettingKey, { workload = 'sharegpt' }: Config): boolean {
  return readBy[workload as keyof typeof readBy].includes(key);
}

/** Settings that contradict each other, or that nothing would look at. @throws UsageError for the first. */
export function checkTogether(config: Config): void {
  const { trace, workload = 'sharegpt' } = config;
  if (config.n !== undefined && config.beam_width !== undefined) {
    throw new UsageError('n and beam_width cannot be set together: a request samples, or searches by beams');
  }
  if (config.num_gpu_blocks_override !== undefined && config.kv_slots !== undefined) {
    throw new UsageError(
      'num_gpu_blocks_override and kv_slots cannot be set together: both are the size of the KV memory',
    );
  }
  if (trace === undefined && config.time_scale !== undefined)
    throw new UsageError('time_scale needs a trace to stretch');
  if (trace !== undefined && (config.replications ?? 1) > 1) {
    throw new UsageError(
      'replications has no effect on a trace: it is the same for every seed; leave it out',
    );
  }
  for (const key of Object.keys(config) as SettingKey[]) {
    if (config[key] === undefined || isRead(key, config)) continue;
    if (trace !== undefined && decidedByTrace.has(key)) {
      const instead = key === 'request_rate' ? '; to change its rate use time_scale' : '';
      throw new UsageError(`${key} cannot be set together with trace: the trace decides it${instead}`);
    }
    if (trace !== undefined) throw new UsageError(`${key} has no effect on a trace; leave it out`);
    if (key === 'burstiness' && config.fixed_rate) {
      throw new UsageError('burstiness and fixed_rate cannot be set together: equal gaps have no bursts');
    }
    if (key === 'burstiness' && isListed(key, config)) {
      throw new UsageError('burstiness needs a request_rate: requests that come all at once have no bursts');
    }
    throw new UsageError(
      `${key} has no effect on the workload ${workload}; leave it out, or choose another workload`,
    );
  }
  if (config.fixed_rate && (config.request_rate ?? 'inf') === 'inf') {
    throw new UsageError('fixed_rate needs a request_rate: how many a second?');
  }
  if (config.high_priority_share !== undefined && config.order !== 'priority') {
    throw new UsageError('high_priority_share has no effect without order priority');
  }
  const paged = config.policy?.some(name => (findPolicy(name)?.memory.kind ?? 'paged') === 'paged') ?? true;
  const idle = paged ? undefined : needsPages.find(key => config[key] !== undefined);
  if (idle !== undefined && config[idle] !== 'off') {
    throw new UsageError(
      `${idle} needs a policy with paged memory, and none of ${config.policy!.join(', ')} has it`,
    );
  }
}

/** Memory that is reserved whole, or grows with its batch, looks at none of these. */
const needsPages = ['prefix_caching', 'admission', 'watermark', 'victim', 'preemption'] as const;

const decidedByTrace = new Set<SettingKey>([
  'workload',
  'request_rate',
  'burstiness',
  'fixed_rate',
  'n',
  'beam_width',
]);
