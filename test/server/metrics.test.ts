import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { consoleLine } from '../../src/server/monitor.ts';
import { fakeEngine, metric, ok, testServer } from './serving.ts';

const docs = resolve(import.meta.dirname, '../../docs');
const labels = 'model_name="stories",engine="0"';

/** What vLLM exposes: name, type, labels beside the model's, bounds of buckets. */
const surface: readonly (readonly [name: string, type: string, labels?: string, buckets?: string])[] = [
  ['vllm:num_requests_running', 'gauge'],
  ['vllm:num_requests_waiting', 'gauge'],
  ['vllm:num_requests_waiting_by_reason', 'gauge', 'reason="capacity"'],
  ['vllm:kv_cache_usage_perc', 'gauge'],
  ['vllm:engine_sleep_state', 'gauge', 'sleep_state="awake"'],
  [
    'vllm:cache_config_info',
    'gauge',
    'block_size="16",num_gpu_blocks="4096",cache_dtype="float32",enable_prefix_caching="True",gpu_memory_utilization="None"',
  ],
  ['vllm:prefix_cache_queries_total', 'counter'],
  ['vllm:prefix_cache_hits_total', 'counter'],
  ['vllm:external_prefix_cache_queries_total', 'counter'],
  ['vllm:external_prefix_cache_hits_total', 'counter'],
  ['vllm:mm_cache_queries_total', 'counter'],
  ['vllm:mm_cache_hits_total', 'counter'],
  ['vllm:num_preemptions_total', 'counter'],
  ['vllm:prompt_tokens_total', 'counter'],
  ['vllm:prompt_tokens_cached_total', 'counter'],
  ['vllm:prompt_tokens_by_source_total', 'counter', 'source="local_compute"'],
  ['vllm:generation_tokens_total', 'counter'],
  ['vllm:request_success_total', 'counter', 'finished_reason="stop"'],
  ['vllm:iteration_tokens_total', 'histogram', '', '1 8 16 32 64 128 256 512 1024 2048 4096 8192 16384'],
  ['vllm:request_prompt_tokens', 'histogram', '', '1 2 5 10 20 50 100 200 500'],
  ['vllm:request_generation_tokens', 'histogram', '', '1 2 5 10 20 50 100 200 500'],
  ['vllm:request_max_num_generation_tokens', 'histogram', '', '1 2 5 10 20 50 100 200 500'],
  ['vllm:request_params_max_tokens', 'histogram', '', '1 2 5 10 20 50 100 200 500'],
  ['vllm:request_prefill_kv_computed_tokens', 'histogram', '', '1 2 5 10 20 50 100 200 500'],
  ['vllm:request_params_n', 'histogram', '', '1 2 5 10 20'],
  [
    'vllm:time_to_first_token_seconds',
    'histogram',
    '',
    '0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 20 40 80 160 640 2560',
  ],
  ...['vllm:inter_token_latency_seconds', 'vllm:request_time_per_output_token_seconds'].map(
    name =>
      [
        name,
        'histogram',
        '',
        '0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 5 7.5 10 20 40 80',
      ] as const,
  ),
  ...[
    'e2e_request_latency',
    'request_queue_time',
    'request_inference_time',
    'request_prefill_time',
    'request_decode_time',
  ].map(
    name =>
      [
        `vllm:${name}_seconds`,
        'histogram',
        '',
        '0.3 0.5 0.8 1 1.5 2 2.5 5 10 15 20 30 40 50 60 120 240 480 960 1920 7680',
      ] as const,
  ),
];

/** An app that has served. */
async function served(showHiddenMetrics = false) {
  const server = testServer({ showHiddenMetrics });
  await ok(server.app, '/v1/completions', { prompt: 'Once', max_tokens: 12, n: 2 });
  await ok(server.app, '/v1/completions', { prompt: 'Once', max_tokens: 1 });
  const text = await (await server.app.request('/metrics')).text();
  return { ...server, text };
}

test.each(surface)('%s is there as vLLM has it', async (name, type, extra = '', bounds = '') => {
  const { text } = await served();
  expect(text).toContain(`# TYPE ${name} ${type}\n`);
  if (type !== 'histogram') {
    expect(text).toContain(`\n${name}{${labels}${extra === '' ? '' : `,${extra}`}} `);
    return;
  }
  const found = [...text.matchAll(new RegExp(`^${name}_bucket{le="([^"]+)",${labels}} `, 'gm'))];
  expect(found.map(([, bound]) => bound).join(' ')).toBe(`${bounds} +Inf`);
});

test('what was served is counted', async () => {
  const { metrics } = await served();
  const value = (name: string, extra = '') => metric(metrics, `${name}{${labels}${extra}}`);
  expect(await value('vllm:request_success_total', ',finished_reason="length"')).toBe(3);
  expect(await value('vllm:prompt_tokens_total')).toBe(4);
  expect(await value('vllm:generation_tokens_total')).toBe(25);
  expect(await value('vllm:request_generation_tokens_sum')).toBe(25);
  expect(await value('vllm:request_max_num_generation_tokens_sum')).toBe(13);
  expect(await value('vllm:request_params_max_tokens_sum')).toBe(13);
  expect(await value('vllm:request_params_n_sum')).toBe(3);
  expect(await value('vllm:time_to_first_token_seconds_count')).toBe(2);
  expect(await value('vllm:inter_token_latency_seconds_count')).toBe(22);
  expect(await value('vllm:request_time_per_output_token_seconds_count')).toBe(1);
  expect(await value('vllm:e2e_request_latency_seconds_count')).toBe(2);
  expect(await value('vllm:iteration_tokens_total_count')).toBe(13);
  expect(await value('vllm:iteration_tokens_total_sum')).toBe(29);
  // 12 steps of two samples, the first with the prompt, and one of a prompt and its only token.
  const steps = (le: string) => metric(metrics, `vllm:iteration_tokens_total_bucket{le="${le}",${labels}}`);
  expect([await steps('1'), await steps('8'), await steps('+Inf')]).toEqual([0, 13, 13]);
  const ended = ',endpoint="/v1/completions",outcome="completed"';
  expect(await value('quire:requests_ended_total', ended)).toBe(2);
});

const retired = [
  'vllm:gpu_cache_usage_perc',
  'vllm:cpu_cache_usage_perc',
  'vllm:num_requests_swapped',
  'vllm:gpu_prefix_cache_queries_total',
  'vllm:gpu_prefix_cache_hits_total',
  'vllm:time_per_output_token_seconds',
];

test('retired names are there when asked for', async () => {
  const [plain, hidden] = [await served(), await served(true)];
  for (const name of retired) {
    expect(plain.text).not.toContain(`# TYPE ${name} `);
    expect(hidden.text).toContain(`# TYPE ${name} `);
  }
});

test('the line of the console is that of vLLM', () => {
  const before = fakeEngine().stats();
  const stats = {
    ...before,
    running: 3,
    waiting: 2,
    promptTokens: 1000,
    outputTokens: 455,
    prefixQueries: 1000,
    prefixHits: 250,
    usage: { ...before.usage, token: 512, free: 512, cached: 1024 },
  };
  expect(consoleLine(stats, before, 10)).toBe(
    'Avg prompt throughput: 100.0 tokens/s, Avg generation throughput: 45.5 tokens/s, Running: 3 reqs, ' +
      'Waiting: 2 reqs, GPU KV cache usage: 25.0%, Prefix cache hit rate: 25.0%',
  );
  expect(consoleLine({ ...stats, waitingFor: 'needs 9 blocks, 4 free' }, before, 10)).toContain(
    'Waiting: 2 reqs (needs 9 blocks, 4 free)',
  );
});

test('the Grafana dashboard asks for metrics that exist', async () => {
  const { text } = await served();
  const dashboard = JSON.parse(readFileSync(join(docs, 'grafana.json'), 'utf8'));
  const expressions: string[] = [];
  const walk = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if ((key === 'expr' || key === 'definition') && typeof inner === 'string') expressions.push(inner);
      walk(inner);
    }
  };
  walk(dashboard);
  expect(expressions.length).toBeGreaterThan(15);
  const series = new Set([...text.matchAll(/^([a-z0-9_:]+)\{/gm)].map(([, name]) => name));
  for (const expression of expressions) {
    const named = [...expression.matchAll(/\b(?:vllm|quire):[a-z0-9_]+/g)].map(([name]) => name);
    expect(named, expression).not.toEqual([]);
    for (const name of named) expect(series, expression).toContain(name);
  }
});
