import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { measure, setupOf } from '../sim/calibrate/support.ts';
import { folder, quire, refuse, succeed } from '../support/cli.ts';

const engine = ['--policy', 'vllm', '--model', 'llama-3.1-8b', '--gpu', 'h100'];
const truth = { perStep: 1.5e-3, perSequence: 0, apiPerRequest: 20e-3, deviceScale: 1 };

/** The result file of a benchmark of an engine with these overheads. */
function benchmark(changed: object = {}): string {
  const setup = setupOf({ policy: ['vllm'], model: 'llama-3.1-8b', gpu: 'h100' });
  const load = { seed: 4, count: 120, rate: 6, prompt: 600, output: 120 };
  const { requests } = measure(setup, truth, load, 0.05);
  return JSON.stringify({
    request_rate: 6,
    input_lens: requests.map(request => request.promptTokens),
    output_lens: requests.map(request => request.outputTokens),
    ttfts: requests.map(request => request.ttft),
    itls: requests.map(({ ttft, e2el, outputTokens }) =>
      Array.from({ length: outputTokens - 1 }, () => (e2el - ttft) / (outputTokens - 1)),
    ),
    start_times: requests.map(request => 5000 + request.arrival),
    ...changed,
  });
}

test('calibrate writes a profile, and --profile runs with it', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'bench.json'), benchmark());
  const text = await succeed(['calibrate', '--from', 'bench.json', ...engine], { cwd, alone: true });
  expect(text).toMatch(/^llama-3\.1-8b on h100 · vllm · bench\.json · 120 requests/);
  expect(text).toMatch(/a step +0\.200 ms +1\.\d+ ms/);
  expect(text).toMatch(/TTFT p99/);
  const path = 'quire-results/profile_vllm_h100_bench.json';
  expect(text).toContain(`profile: ${path}`);
  expect(text.replace(/\n +/g, ' ')).toContain('note: not fitted: device_scale (only for a GPU whose');
  expect(text).toMatch(/prefix caching is on, and what the prompts share is not known/);
  const profile = JSON.parse(readFileSync(join(cwd, path), 'utf8'));
  expect(profile.quire.command).toMatch(/^quire calibrate --from bench\.json/);
  expect(profile.quire.config).toMatchObject({ policy: ['vllm'], gpu: 'h100', max_tokens: 'exact' });
  expect(profile.overheads.per_step_s.low).toBeLessThan(1.5e-3);
  expect(profile.overheads.per_step_s.high).toBeGreaterThan(1.5e-3);
  expect(profile.overheads.api_per_request_s.value).toBeCloseTo(0.02, 2);
  expect(profile.overheads.device_scale).toEqual({ value: 1, preset: 1, status: 'not fitted' });
  expect(Math.abs(profile.errors.after.e2el.mean)).toBeLessThan(
    Math.abs(profile.errors.before.e2el.mean) / 4,
  );

  const compare = ['compare', ...engine, '--num-prompts', '40', '--request-rate', '4', '--seed', '2'];
  const plain = JSON.parse(await succeed([...compare, '--json'], { cwd }));
  const known = JSON.parse(await succeed([...compare, '--json', '--profile', path], { cwd }));
  const gain = known.results[0].mean_ttft_ms - plain.results[0].mean_ttft_ms;
  expect(gain).toBeGreaterThan(15);
  expect(known.quire.config.profile).toBe(path);
  expect(known.notes.join()).toMatch(/those of the client/);
  const elsewhere = await succeed([...compare, '--profile', path, '--gpu', 'l40s'], { cwd });
  expect(elsewhere).toMatch(/the profile was measured with h100/);
  const other = ['compare', '--policy', 'vllm,sglang', '--profile', path];
  expect(await refuse(other, { cwd })).toMatch(/measured on vllm, not on sglang; /);
  const over = [...compare, '--profile', path, '--out', path];
  expect(await refuse(over, { cwd })).toMatch(/read by this very run/);
}, 60_000);

test('--json prints what it writes, and the same run gives the same bytes', async () => {
  const cwd = folder();
  writeFileSync(join(cwd, 'bench.json'), benchmark());
  const args = [
    'calibrate',
    '--from',
    'bench.json',
    ...engine,
    '--fit',
    'per_step',
    '--json',
    '--out',
    'p.json',
  ];
  const first = await succeed(args, { cwd });
  expect(readFileSync(join(cwd, 'p.json'), 'utf8')).toBe(first);
  expect(await succeed(args, { cwd })).toBe(first);
  expect(JSON.parse(first).overheads.api_per_request_s.status).toBe('not fitted');
}, 60_000);

describe('refused, with nothing written', () => {
  const cases: [name: string, args: string[], message: RegExp][] = [
    ['no file', ['--from', 'none.json', ...engine], /none\.json: no such file/],
    [
      'no model',
      ['--from', 'bench.json', '--policy', 'vllm', '--gpu', 'h100'],
      /--model: expected what was measured/,
    ],
    [
      'nothing named',
      ['--from', 'bench.json'],
      /^--policy, --model, --gpu: expected what was measured; name them$/,
    ],
    [
      'another GPU',
      ['--from', 'bench.json', ...engine, '--gpu', 'l4'],
      /^bench\.json: no overheads make the simulation like this run: .* TPOT \(\+\d+.* %\).*--gpu.*no profile is written/,
    ],
    [
      'no benchmark',
      ['--from', 'empty.json', ...engine],
      /^empty\.json: a JSON object with nothing in it is no/,
    ],
    ['two engines', ['--from', 'bench.json', ...engine, '--policy', 'vllm,sglang'], /name only that/],
    [
      'unknown engine',
      ['--from', 'bench.json', ...engine, '--policy', 'vlm'],
      /unknown policy "vlm"; did you mean/,
    ],
    [
      'unknown overhead',
      ['--from', 'bench.json', ...engine, '--fit', 'per_token'],
      /--fit: expected some of per_step/,
    ],
    ['not detailed', ['--from', 'plain.json', ...engine], /save the benchmark with --save-detailed/],
    ['neither format', ['--from', 'notes.txt', ...engine], /not a measured run that Quire knows/],
    ['over its input', ['--from', 'bench.json', ...engine, '--out', 'bench.json'], /read by this very run/],
    ['too long', ['--from', 'bench.json', ...engine, '--max-model-len', '500'], /vllm would (reject|cut)/],
    [
      'other contents',
      ['--from', 'bench.json', ...engine, '--content', 'trace.csv'],
      /not the requests that were/,
    ],
  ];
  test.each(cases)('%s', async (name, args, message) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'bench.json'), benchmark());
    writeFileSync(join(cwd, 'plain.json'), '{"request_throughput": 2.1, "mean_ttft_ms": 12}');
    writeFileSync(join(cwd, 'empty.json'), '{}');
    writeFileSync(join(cwd, 'notes.txt'), 'hello\n');
    writeFileSync(join(cwd, 'trace.csv'), 'arrival_s,input_tokens,output_tokens\n0,7,7\n');
    const alone = name === 'no file';
    expect(await refuse(['calibrate', ...args], { cwd, alone })).toMatch(message);
  });

  test('a profile that is none', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'p.json'), '{"overheads": {}}');
    const message = await refuse(['compare', '--policy', 'vllm', '--profile', 'p.json'], { cwd });
    expect(message).toMatch(
      /p\.json: not a profile of quire calibrate: at "quire" expected object, found nothing/,
    );
  });

  test('--from is needed', async () => {
    const { code, stderr } = await quire(['calibrate', ...engine], { cwd: folder() });
    expect(code).toBe(2);
    expect(stderr).toMatch(/required option '--from <file>'/);
  });
});
