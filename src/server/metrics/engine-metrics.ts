import { Counter, Gauge, type Registry } from 'prom-client';
import type { EngineStats } from '../../engine/engine-client.ts';
import type { ServedModel } from '../served-model.ts';
import { labelsOf, modelLabels } from './labels.ts';

/** Share of the KV slots that requests hold; cached ones that nobody uses count as free (vLLM). */
export function kvCacheUsage({ usage }: EngineStats): number {
  const { token, reserved, internal, external, cached, free } = usage;
  const held = token + reserved + internal + external;
  return held === 0 ? 0 : held / (held + cached + free);
}

/** Read from the engines at each scrape: names, types and labels are vLLM's. */
export function addEngineMetrics(
  register: Registry,
  models: readonly ServedModel[],
  showHidden: boolean,
): void {
  const gauge = (name: string, help: string, value: (stats: EngineStats) => number) => {
    new Gauge({
      name,
      help,
      labelNames: modelLabels,
      registers: [register],
      collect() {
        for (const model of models) this.set(labelsOf(model), value(model.engine.stats()));
      },
    });
  };
  const counter = (name: string, help: string, value: (stats: EngineStats) => number) => {
    new Counter({
      name,
      help,
      labelNames: modelLabels,
      registers: [register],
      collect() {
        this.reset();
        for (const model of models) this.inc(labelsOf(model), value(model.engine.stats()));
      },
    });
  };
  const none = () => 0;

  gauge('vllm:num_requests_running', 'Number of requests in model execution batches.', s => s.running);
  gauge('vllm:num_requests_waiting', 'Number of requests waiting to be processed.', s => s.waiting);
  gauge('vllm:kv_cache_usage_perc', 'KV-cache usage. 1 means 100 percent usage.', kvCacheUsage);
  counter('vllm:prefix_cache_queries_total', 'Prefix cache queries, in tokens.', s => s.prefixQueries);
  counter('vllm:prefix_cache_hits_total', 'Prefix cache hits, in tokens.', s => s.prefixHits);
  counter('vllm:external_prefix_cache_queries_total', 'There is no external cache.', none);
  counter('vllm:external_prefix_cache_hits_total', 'There is no external cache.', none);
  counter('vllm:mm_cache_queries_total', 'There is no multi-modal cache.', none);
  counter('vllm:mm_cache_hits_total', 'There is no multi-modal cache.', none);
  counter('vllm:num_preemptions_total', 'Cumulative number of preemptions.', s => s.preemptions);
  counter('vllm:prompt_tokens_total', 'Number of prefill tokens processed.', s => s.promptTokens);
  counter('vllm:prompt_tokens_cached_total', 'Prompt tokens found in the prefix cache.', s => s.prefixHits);
  counter('vllm:generation_tokens_total', 'Number of generation tokens processed.', s => s.outputTokens);
  counter('quire:steps_total', 'Iterations of the engine.', s => s.steps);
  counter('quire:busy_seconds_total', 'Seconds in which the engine had a step to run.', s => s.busy);
  counter(
    'quire:recomputed_tokens_total',
    'Tokens computed again after a preemption or a lost device.',
    s => s.recomputedTokens,
  );
  counter('quire:devices_lost_total', 'Devices that were lost and replaced.', s => s.devicesLost);
  addPromptTokensBySource(register, models);
  addWaitingByReason(register, models);
  addSlots(register, models);
  addConfigInfo(register, models);
  if (!showHidden) return;
  gauge('vllm:gpu_cache_usage_perc', 'Retired: vllm:kv_cache_usage_perc.', kvCacheUsage);
  gauge('vllm:cpu_cache_usage_perc', 'Retired: there is no CPU cache.', none);
  gauge('vllm:num_requests_swapped', 'Retired: requests are not swapped.', none);
  counter('vllm:gpu_prefix_cache_queries_total', 'Retired: vllm:prefix_cache_queries.', s => s.prefixQueries);
  counter('vllm:gpu_prefix_cache_hits_total', 'Retired: vllm:prefix_cache_hits.', s => s.prefixHits);
}

/** Prompts come from the prefix cache or are computed; there is no transfer from elsewhere. */
function addPromptTokensBySource(register: Registry, models: readonly ServedModel[]): void {
  new Counter({
    name: 'vllm:prompt_tokens_by_source_total',
    help: 'Number of prefill tokens processed by source.',
    labelNames: [...modelLabels, 'source'],
    registers: [register],
    collect() {
      this.reset();
      for (const model of models) {
        const { promptTokens, prefixHits } = model.engine.stats();
        const tokens = {
          // A prompt counts at its first token, a hit when it is let in.
          local_compute: Math.max(0, promptTokens - prefixHits),
          local_cache_hit: prefixHits,
          external_kv_transfer: 0,
        };
        for (const [source, count] of Object.entries(tokens)) {
          this.inc({ ...labelsOf(model), source }, count);
        }
      }
    },
  });
}

/** Of vLLM's two reasons, `deferred` is for remote KV, which Quire has not, and for grammars, which compile before. */
function addWaitingByReason(register: Registry, models: readonly ServedModel[]): void {
  new Gauge({
    name: 'vllm:num_requests_waiting_by_reason',
    help: 'Number of waiting requests by reason.',
    labelNames: [...modelLabels, 'reason'],
    registers: [register],
    collect() {
      for (const model of models) {
        this.set({ ...labelsOf(model), reason: 'capacity' }, model.engine.stats().waiting);
        this.set({ ...labelsOf(model), reason: 'deferred' }, 0);
      }
    },
  });
}

/** What vLLM does not tell: what each slot of KV memory is. */
function addSlots(register: Registry, models: readonly ServedModel[]): void {
  new Gauge({
    name: 'quire:kv_slots',
    help: 'KV slots by what they are; the kinds sum to the capacity.',
    labelNames: [...modelLabels, 'kind'],
    registers: [register],
    collect() {
      for (const model of models) {
        for (const [kind, slots] of Object.entries(model.engine.stats().usage)) {
          this.set({ ...labelsOf(model), kind }, slots);
        }
      }
    },
  });
}

function addConfigInfo(register: Registry, models: readonly ServedModel[]): void {
  const info = new Gauge({
    name: 'vllm:cache_config_info',
    help: 'Information of the KV cache configuration.',
    labelNames: [
      ...modelLabels,
      'block_size',
      'num_gpu_blocks',
      'cache_dtype',
      'enable_prefix_caching',
      'gpu_memory_utilization',
    ],
    registers: [register],
  });
  const asleep = new Gauge({
    name: 'vllm:engine_sleep_state',
    help: 'Engine sleep state; an engine of Quire is always awake.',
    labelNames: [...modelLabels, 'sleep_state'],
    registers: [register],
  });
  for (const model of models) {
    const { memory, dtype } = model.engine.info;
    info.set(
      {
        ...labelsOf(model),
        block_size: memory.blockSize,
        num_gpu_blocks: memory.numBlocks,
        cache_dtype: dtype === 'f16' ? 'float16' : 'float32',
        enable_prefix_caching: model.cachesPrefixes ? 'True' : 'False',
        // Memory is given in bytes, not as a share.
        gpu_memory_utilization: 'None',
      },
      1,
    );
    for (const state of ['awake', 'weights_offloaded', 'discard_all']) {
      asleep.set({ ...labelsOf(model), sleep_state: state }, state === 'awake' ? 1 : 0);
    }
  }
}
