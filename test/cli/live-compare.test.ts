import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { contents, folder, quire, refuse, succeed } from '../support/cli.ts';
import { softwareGpuEnv } from '../support/gpu-env.ts';
import { storiesFolder } from '../support/stories.ts';

const live = ['compare', '--backend', 'reference', '--model', storiesFolder];
const small = ['--num-prompts', '8', '--input-len', '10', '--output-len', '12', '--out', 'o.json'];

const run = async (args: readonly string[], cwd = folder()) =>
  JSON.parse(await succeed([...args, '--json'], { cwd }));

/** Keys of objects within objects; lists and numbers are leaves. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]));
}

test('the same figures as of a simulation, measured', async () => {
  const { quire: made, results, comparisons } = await run([...live, ...small]);
  const size = [
    '--workload',
    'uniform',
    '--range-ratio',
    '0.9',
    '--max-tokens',
    'exact',
    '--replications',
    '1',
  ];
  const simulated = await run(['compare', ...size, ...small]);
  expect(shapeOf(results)).toEqual(shapeOf(simulated.results));
  expect(shapeOf(comparisons)).toEqual(shapeOf(simulated.comparisons));
  expect(made).toMatchObject({ backend: 'reference', device: 'the CPU', dtype: 'f32' });
  expect(made.config).toMatchObject({
    model: 'stories260K',
    workload: 'uniform',
    max_num_seqs: 2,
    output_len: 12,
  });
  for (const [i, result] of results.entries()) {
    // The same requests, of the same lengths.
    for (const key of ['completed', 'total_input_tokens', 'total_output_tokens']) {
      expect(result[key], key).toBe(simulated.results[i][key]);
    }
    expect(result).toMatchObject({ completed: 8, failed: 0, truncated: 0, max_batch_size: 2 });
    const shares = Object.values(result.memory as Record<string, number>);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(result.cost.seconds).toBeGreaterThan(0);
    expect(result.cost.seconds).toBeLessThanOrEqual(result.duration);
    expect(result.cost.basis).toEqual({ measured: 1, interpolated: 0, extrapolated: 0, analytic: 0 });
  }
  // Static batches wait for their longest row: more steps for as many tokens.
  expect(results.map(({ policy }: { policy: string }) => policy)).toEqual(['hf-static', 'vllm']);
  expect(results[0].steps).toBeGreaterThan(results[1].steps);
});

test('tables as of a simulation, with what it was measured on', async () => {
  const stdout = await succeed([...live, ...small], { cwd: folder(), alone: true });
  expect(stdout).toMatch(
    /^stories260K, measured on the CPU \(reference, f32\) · uniform, all at once · 8 requests\n/,
  );
  expect(stdout).toMatch(/^hf-static +[\d.]+ /m);
  expect(stdout).toMatch(/^KV memory +token +reserved /m);
  expect(stdout).toMatch(/^vllm served [\d.]+ \(one run: no interval\) times the rate of hf-static; /m);
  expect(stdout).not.toContain('step time');
  expect(stdout).toMatch(/\n\nresults: o\.json\n$/);
});

describe('workloads', () => {
  test('a conversation goes on from its own answers, which the prefix cache finds', async () => {
    const chat = [
      '--workload',
      'chat',
      '--users',
      '2',
      '--turns',
      '3',
      '--think-time',
      '0.01',
      '--policy',
      'vllm',
    ];
    const { results } = await run([
      ...live,
      ...chat,
      '--input-len',
      '20',
      '--output-len',
      '30',
      '--out',
      'o.json',
    ]);
    const [{ completed, prefix_cache_hits: hits }] = results;
    expect(completed).toBeGreaterThan(2);
    expect(hits).toBeGreaterThanOrEqual(16 * (completed - 2));
  });

  test('shared prefixes are found in the cache, and only there where they are shared', async () => {
    const hits = async (...args: string[]) => {
      const cached = ['--policy', 'vllm', '--prefix-caching', 'on', ...args];
      return (await run([...live, ...small, ...cached])).results[0].prefix_cache_hits;
    };
    expect(await hits('--workload', 'fixed')).toBe(0);
    // Two run at once from the start; the six that follow find two blocks of 16 each.
    const shared = ['--workload', 'shared-prefix', '--prefix-groups', '1', '--prefix-len', '32'];
    expect(await hits(...shared)).toBeGreaterThanOrEqual(6 * 32);
  });

  test('requests come at their times, and users think', async () => {
    const timed = await run([...live, ...small, '--policy', 'vllm', '--request-rate', '10', '--fixed-rate']);
    // The last of eight comes after 0.7 s.
    expect(timed.results[0].duration).toBeGreaterThan(0.7);
    expect(timed.results[0].busy).toBeLessThan(1);
    const users = ['--workload', 'closed-loop', '--users', '1', '--think-time', '0.02', '--policy', 'vllm'];
    expect((await run([...live, ...small, ...users])).results[0]).toMatchObject({
      completed: 8,
      max_concurrent_requests: 1,
    });
  });

  test('a trace: what is longer than the context is refused and counted', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 't.csv'), 'arrival_s,input_tokens,output_tokens\n0,5,6\n0,600,5\n0.1,500,30\n');
    const { results, notes } = await run(
      [...live, '--trace', 't.csv', '--policy', 'vllm', '--out', 'o.json'],
      cwd,
    );
    expect(results[0]).toMatchObject({ completed: 2, failed: 1, truncated: 1 });
    expect(notes).toEqual([
      expect.stringMatching(/^vllm: 1 requests rejected \(the first: .*600/),
      'vllm: 1 answers cut short by the context',
    ]);
  });
});

test('--events and the results file', async () => {
  const cwd = folder();
  const events = ['--events', 'e.quire', '--events', 'e.jsonl'];
  await succeed([...live, ...small, ...events], { cwd, alone: true });
  const recordings = await decodeRecordings(readFileSync(join(cwd, 'e.quire')), 'e.quire');
  const { results } = JSON.parse(readFileSync(join(cwd, 'o.json'), 'utf8'));
  for (const [i, { policy, steps, requests }] of recordings.entries()) {
    expect(policy).toBe(results[i].policy);
    expect(steps.count).toBe(results[i].steps);
    const mean =
      requests.reduce((sum, { finished, arrival }) => sum + finished - arrival, 0) / requests.length;
    expect(mean * 1000).toBeCloseTo(results[i].mean_e2el_ms, 6);
  }
  const finished = readFileSync(join(cwd, 'e.jsonl'), 'utf8').match(/"type":"finished"/g);
  expect(finished).toHaveLength(16);
  for (const command of ['run', 'report']) {
    const said = await refuse([command, 'o.json', '--out', 'p.html'], { cwd });
    expect(said).toMatch(/^o\.json: was measured on a real device, .*\(quire compare --backend reference /);
  }
  expect(Object.keys(contents(cwd)).sort()).toEqual(['e.jsonl', 'e.quire', 'o.json']);
});

describe('what has no meaning on a real device is refused', () => {
  test.each<[string[], string | RegExp]>([
    [['--gpu', 'h100'], /^--gpu has no effect with --backend: .*\(--adapter chooses\); leave it out$/],
    [['--kernels', 'x'], /^--kernels has no effect with --backend: /],
    [['--replications', '3'], /^--replications has no effect with --backend: it is one run/],
    [['--beam-width', '2'], /^--beam-width has no effect with --backend: there is no beam search/],
    [['--max-tokens', 'auto'], /^--max-tokens "auto" with --backend: /],
    [['--policy', 'vllm,vllm'], '--policy vllm is named twice'],
    [['--policy', 'vlm'], /^unknown policy "vlm"/],
    [['--workload', 'fixed', '--range-ratio', '0.5'], /^--range-ratio has no effect on the workload fixed/],
    [['--slo', 'p99_tft_ms<1'], /p99_tft_ms/],
    [['--out', '/'], /^--out \/: is a folder/],
  ])('%j', async (args, message) => {
    const said = await refuse([...live, ...args], { cwd: folder(), alone: args[0] === '--gpu' });
    if (typeof message === 'string') expect(said).toBe(message);
    else expect(said).toMatch(message);
  });

  test('and what has none in a simulation, too', async () => {
    const said = await refuse(['compare', '--adapter', '0'], { cwd: folder() });
    expect(said).toBe('--adapter needs --backend: without it the GPU is simulated, and no model is loaded');
  });
});

test('--print-config shows what would run; a crossed --slo fails the command', async () => {
  const config = JSON.parse(await succeed([...live, '--print-config'], { cwd: folder() }));
  expect(config).toMatchObject({
    model: 'stories260K',
    num_prompts: 32,
    max_num_seqs: 8,
    max_tokens: 'exact',
  });
  expect(Object.keys(config)).not.toContain('gpu');
  const slo = await quire([...live, ...small, '--policy', 'vllm', '--slo', 'mean_e2el_ms<0.001'], {
    cwd: folder(),
  });
  expect(slo.code).toBe(1);
  expect(slo.stderr).toMatch(/^slo crossed: vllm: mean_e2el_ms is [\d.]+, not below 0\.001$/m);
});

test('on a GPU', async () => {
  const gpu = [
    'compare',
    '--backend',
    'webgpu',
    '--model',
    storiesFolder,
    '--dtype',
    'f32',
    '--max-model-len',
    '64',
  ];
  const tiny = ['--num-prompts', '4', '--input-len', '6', '--output-len', '5', '--policy', 'hf-static,vllm'];
  const options = { cwd: folder(), env: softwareGpuEnv() };
  const { quire: made, results } = JSON.parse(await succeed([...gpu, ...tiny, '--json'], options));
  expect(made).toMatchObject({ backend: 'webgpu', device: expect.stringContaining('SwiftShader') });
  expect(results.map(({ completed }: { completed: number }) => completed)).toEqual([4, 4]);
  expect(results[0].total_output_tokens).toBe(results[1].total_output_tokens);
});
