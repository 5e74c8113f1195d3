import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { contents, folder, quire, realTrace, succeed } from '../support/cli.ts';

const small = ['compare', '--num-prompts', '40', '--replications', '2'];
const tiny = ['compare', '--policy', 'vllm', '--num-prompts', '10', '--replications', '1'];

describe('what quire compare prints', () => {
  test('the setting, three tables, a sentence with the rates and the memory, and where the results lie', async () => {
    const cwd = folder();
    const lines = (await succeed(small, { cwd, alone: true })).split('\n');
    expect(lines[0]).toBe('llama-13b on a100-40g · sharegpt, all at once · 40 requests, mean of 2 seeds');
    const headed = (first: string) => lines.findIndex(line => line.startsWith(first));
    for (const first of ['policy ', 'KV memory ', 'step time ']) {
      const head = headed(first);
      expect(head, first).toBeGreaterThan(0);
      expect(lines[head + 1]).toMatch(/^hf-static /);
      expect(lines[head + 2]).toMatch(/^vllm /);
      expect(lines[head + 3]).toBe('');
    }
    const text = lines.join('\n').replace(/\s+/g, ' ');
    expect(text).toMatch(
      /vllm served \d[\d.]*( \(95 % interval [\d.]+ to [\d.]+\))? times the rate of hf-static/,
    );
    expect(text).toMatch(/[\d.]+ % of its KV memory held tokens against [\d.]+ %\./);
    const results = /^results: (.+)$/m.exec(lines.join('\n'))![1]!;
    expect(existsSync(join(cwd, results))).toBe(true);
    expect(Object.keys(contents(cwd)).filter(file => file.endsWith('.json'))).toEqual([results]);
  });

  test('no colour, no bar and nothing on stderr where there is no terminal', async () => {
    const { stdout, stderr } = await quire(tiny, { cwd: folder() });
    expect(stderr).toBe('');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what must not be there.
    expect(stdout).not.toMatch(/[\u001b\r]/);
  });

  test('tables and sentences fit in 100 columns, whatever the policies', async () => {
    const policies =
      'hf-static,deepspeed-static,faster-transformer,orca-max,orca-pow2,orca-oracle,tgi-0.8,vllm-v0,vllm,sarathi,fastgen,sglang,tgi-3,nano-vllm';
    const stdout = await succeed([...tiny, '--policy', policies, '--slo', 'ttft:500'], { cwd: folder() });
    const wide = stdout.split('\n').filter(line => line.length > 100 && !line.startsWith('results:'));
    expect(wide).toEqual([]);
  });

  test('the columns of a table stand under each other', async () => {
    const stdout = await succeed([...small, '--policy', 'hf-static,vllm,orca-max'], { cwd: folder() });
    const lines = stdout.split('\n');
    const head = lines.findIndex(line => line.startsWith('policy '));
    const end = lines[head]!.indexOf('req/s') + 'req/s'.length;
    for (const line of lines.slice(head, head + 4)) expect(line.slice(0, end)).toMatch(/\S$/);
  });

  test('requests that can never fit are rejected, counted and explained; the run goes on', async () => {
    const cwd = folder();
    const args = ['--workload', 'lognormal', '--input-len', '1500', '--out', 'o.json'];
    const stdout = await succeed([...small, ...args], { cwd });
    expect(stdout).toMatch(
      /note: .*vllm: \d+ requests? rejected \((the )?first: prompt of \d+ tokens, the context is 2048\)/,
    );
    const [first] = read(join(cwd, 'o.json')).results;
    expect(first.failed).toBeGreaterThan(0);
    expect(first.completed).toBeGreaterThan(0);
  });

  test('nothing fits: no figures are claimed for nobody', async () => {
    const args = ['--workload', 'fixed', '--input-len', '5000'];
    const stdout = await succeed([...small, ...args], { cwd: folder() });
    expect(stdout).toContain('rejected');
    expect(stdout).not.toMatch(/served –|NaN|Infinity/);
    expect(stdout).not.toMatch(/\b0 ms\b/);
  });

  test('goodput has a column with --slo', async () => {
    const stdout = await succeed([...tiny, '--slo', 'ttft:500,tpot:50'], { cwd: folder() });
    expect(stdout).toMatch(/^policy .* good\/s/m);
  });

  test.each([
    ['very seldom', ['--request-rate', '1e-9']],
    ['very often', ['--request-rate', '1e300']],
    ['pauses of ages', ['--workload', 'closed-loop', '--users', '3', '--think-time', '1e300']],
  ])('extreme times can be printed: %s', async (_, args) => {
    expect(await succeed([...tiny, ...args], { cwd: folder() })).toContain('policy');
  });
});

describe('the results of quire compare', () => {
  test('are the same bytes for the same seed, on stdout and in the file', async () => {
    const args = [...small, '--seed', '7', '--json', '--out', 'o.json'];
    const [a, b] = [folder(), folder()];
    const printed = await succeed(args, { cwd: a });
    expect(await succeed(args, { cwd: b, alone: true })).toBe(printed);
    expect(readFileSync(join(a, 'o.json'), 'utf8')).toBe(printed);
    expect(contents(a)).toEqual(contents(b));
    const other = JSON.parse(await succeed([...small, '--seed', '8', '--json'], { cwd: a }));
    expect(other.results[0].request_throughput).not.toBe(JSON.parse(printed).results[0].request_throughput);
  });

  test('hold every figure of vllm bench serve by its name, the memory, the cost and the time series', async () => {
    const cwd = folder();
    const { results, comparisons } = JSON.parse(
      await succeed([...small, '--slo', 'ttft:500', '--json'], { cwd }),
    );
    expect(results.map((result: { policy: string }) => result.policy)).toEqual(['hf-static', 'vllm']);
    for (const result of results) {
      const summaries = ['ttft', 'tpot', 'itl', 'e2el'].flatMap(name =>
        ['mean', 'median', 'std', 'p99'].map(kind => `${kind}_${name}_ms`),
      );
      const figures = [
        'duration completed failed total_input_tokens total_output_tokens request_throughput request_goodput',
        'output_throughput total_token_throughput max_output_tokens_per_s max_concurrent_requests steps',
        'preemptions mean_batch_size recomputed_tokens waste mean_normalized_latency kv_capacity_tokens',
      ].flatMap(names => names.split(' '));
      for (const name of [...summaries, ...figures]) {
        expect(result[name], name).toEqual(expect.any(Number));
        expect(result[name], name).toBeGreaterThanOrEqual(0);
      }
      const kinds = ['token', 'reserved', 'internal', 'external', 'cached', 'free'];
      expect(Object.keys(result.memory).sort()).toEqual([...kinds].sort());
      expect(kinds.reduce((sum, kind) => sum + result.memory[kind], 0)).toBeCloseTo(1, 12);
      expect(result.cost.compute_bound + result.cost.bandwidth_bound + result.cost.overhead).toBeCloseTo(
        1,
        6,
      );
      const terms = Object.values(result.cost.terms) as number[];
      expect(terms.reduce((sum, seconds) => sum + seconds, 0)).toBeCloseTo(result.cost.seconds, 6);
      const { series } = result;
      for (const kind of kinds) expect(series.memory[kind]).toHaveLength(series.batch_size.length);
      expect(result.replications.map((each: { seed: number }) => each.seed)).toEqual([0, 1]);
      expect(result.completed + result.failed).toBe(40);
    }
    const [comparison] = comparisons;
    expect(comparison).toMatchObject({ policy: 'vllm', baseline: 'hf-static' });
    const { estimate, low, high } = comparison.request_throughput;
    expect(low).toBeLessThanOrEqual(estimate);
    expect(estimate).toBeLessThanOrEqual(high);
  });

  test('name the version, the command line, the seed and every setting', async () => {
    const { quire: head } = JSON.parse(await succeed([...tiny, '--seed', '5', '--json'], { cwd: folder() }));
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(head).toMatchObject({ version, seed: 5, config: { policy: ['vllm'], seed: 5, num_prompts: 10 } });
    expect(head.command).toBe(`quire ${[...tiny, '--seed', '5', '--json'].join(' ')}`);
    expect(head.config).toMatchObject({ model: 'llama-13b', gpu: 'a100-40g', workload: 'sharegpt' });
  });

  test('of different settings lie in different files, unless --out says otherwise', async () => {
    const cwd = folder();
    await succeed([...tiny, '--request-rate', '1'], { cwd });
    await succeed([...tiny, '--request-rate', '2'], { cwd });
    await succeed([...tiny, '--request-rate', '2', '--block-size', '32'], { cwd });
    await succeed([...tiny, '--request-rate', '2'], { cwd });
    expect(Object.keys(contents(cwd)).filter(file => file.endsWith('.json'))).toHaveLength(3);
  });

  test('go where --out says, through folders that do not exist yet', async () => {
    const cwd = folder();
    const stdout = await succeed([...tiny, '--out', 'a/b/c.json'], { cwd });
    expect(stdout).toMatch(/^results: a\/b\/c\.json$/m);
    expect(Object.keys(contents(cwd))).toEqual(['a', 'a/b', 'a/b/c.json']);
  });

  test('replace those of an earlier run', async () => {
    const cwd = folder();
    await succeed([...tiny, '--seed', '1', '--out', 'o.json'], { cwd });
    await succeed([...tiny, '--seed', '2', '--out', 'o.json'], { cwd });
    expect(read(join(cwd, 'o.json')).quire.seed).toBe(2);
    expect(Object.keys(contents(cwd))).toEqual(['o.json']);
  });
});

describe('the switches of quire compare', () => {
  test('--events writes the first replication, an event a line, for each policy', async () => {
    const cwd = folder();
    await succeed([...small, '--events', 'e.jsonl', '--out', 'o.json'], { cwd });
    const text = readFileSync(join(cwd, 'e.jsonl'), 'utf8');
    expect(text.endsWith('\n')).toBe(true);
    const events = text
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    for (const policy of ['hf-static', 'vllm']) {
      const own = events.filter(event => event.policy === policy);
      const count = (type: string) => own.filter(event => event.type === type).length;
      expect(count('arrived')).toBe(40);
      expect(count('finished')).toBe(40);
      expect(count('step')).toBeGreaterThan(100);
      const times = own.filter(event => event.type === 'step').map(event => event.time);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    expect(new Set(events.map(event => event.policy)).size).toBe(2);
  });

  test('--events changes no figure', async () => {
    const cwd = folder();
    const plain = JSON.parse(await succeed([...tiny, '--json'], { cwd }));
    const logged = JSON.parse(await succeed([...tiny, '--json', '--events', 'e.jsonl'], { cwd }));
    expect(logged.results).toEqual(plain.results);
  });

  test('--print-config prints every setting and runs nothing', async () => {
    const cwd = folder();
    const config = JSON.parse(await succeed(['compare', '--print-config', '--seed', '3'], { cwd }));
    expect(config).toMatchObject({
      policy: ['hf-static', 'vllm'],
      model: 'llama-13b',
      seed: 3,
      replications: 5,
    });
    expect(contents(cwd)).toEqual({});
  });

  test('a crossed --slo says so on stderr and exits with 1; the results are there', async () => {
    const cwd = folder();
    const run = await quire([...tiny, '--slo', 'p99_ttft_ms<1', '--out', 'o.json'], { cwd });
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/^slo crossed: vllm: p99_ttft_ms is \d+(\.\d{1,3})?, not below 1\n$/);
    expect(run.stdout).toContain('results: o.json');
    await succeed([...tiny, '--slo', 'p99_ttft_ms<1000000,steps>1', '--out', 'o.json'], { cwd });
  });

  test('everything can be set at once', async () => {
    const args = [
      '--policy sarathi,vllm --model llama-3.1-8b --gpu h100 --tensor-parallel 2 --weights fp8 --kv-cache-dtype fp8',
      '--gpu-memory-utilization 0.8 --enforce-eager --kv-slots 50000 --max-model-len 4096 --max-num-seqs 64',
      '--max-num-batched-tokens 1024 --long-prefill-token-threshold 512 --block-size 32 --watermark 0.01',
      '--order priority --admission whole-prompt --victim fewest-outputs --preemption swap',
      '--prefix-caching off --workload sharegpt --num-prompts 30 --request-rate 5 --burstiness 0.5 --n 2',
      '--max-tokens exact --abort-after 100 --high-priority-share 0.5 --seed 3 --replications 2 --slo ttft:500 --json',
    ].flatMap(line => line.split(' '));
    const { quire: head, results } = JSON.parse(await succeed(['compare', ...args], { cwd: folder() }));
    expect(head.config).toMatchObject({ tensor_parallel: 2, weights: 'fp8', n: 2, kv_slots: 50000 });
    expect(results).toHaveLength(2);
  });

  test.each(['alpaca', 'fixed', 'uniform', 'lognormal', 'shared-prefix', 'closed-loop', 'chat'])(
    'the workload %s runs',
    async workload => {
      const size =
        { chat: '--users 3', 'closed-loop': '--num-prompts 10 --users 5' }[workload] ?? '--num-prompts 10';
      const args = `compare --policy vllm --replications 1 --workload ${workload} ${size}`;
      const stdout = await succeed(args.split(' '), { cwd: folder() });
      expect(stdout.split('\n')[0]).toContain(workload);
    },
  );

  test('--num-prompts is the number of requests of a closed loop, too', async () => {
    const args = ['--workload', 'closed-loop', '--users', '5', '--num-prompts', '7'];
    const stdout = await succeed([...tiny, ...args], { cwd: folder() });
    expect(stdout.split('\n')[0]).toContain('7 requests');
  });

  test('a Hugging Face config.json by path is a model, named after its folder', async () => {
    const cwd = folder();
    const out = join(cwd, 'out');
    const model = join(import.meta.dirname, 'hf-model/config.json');
    const known = ['--policy', 'vllm', '--gpu', 'h100', '--num-prompts', '10', '--replications', '1'];
    const stdout = await succeed(['compare', ...known, '--model', model], { cwd });
    expect(stdout.split('\n')[0]).toBe('hf-model on h100 · sharegpt, all at once · 10 requests');
    expect(Object.keys(contents(join(cwd, 'quire-results')))[0]).toContain('hf-model');
    const own = JSON.parse(
      await succeed(['compare', ...known, '--model', model, '--json', '--out', out], { cwd }),
    );
    const same = JSON.parse(
      await succeed(['compare', ...known, '--model', 'llama-3.1-8b', '--json'], { cwd }),
    );
    expect(own.results).toEqual(same.results);
  });

  test('the replay of the issue', async () => {
    const cwd = folder();
    const trace = realTrace('azure2023_conv.csv.gz');
    const args = [
      '--policy',
      'hf-static,vllm',
      '--model',
      'llama-2-7b',
      '--gpu',
      'a100-80g',
      '--trace',
      trace,
    ];
    const flags = [...args, '--num-prompts', '300', '--seed', '1', '--json'];
    const run = await succeed(['compare', ...flags], { cwd, alone: true });
    const { results } = JSON.parse(run);
    for (const result of results) expect(result.completed + result.failed).toBe(300);
    expect(results[1].request_throughput).toBeGreaterThan(results[0].request_throughput);
  });
});

function read(path: string) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
