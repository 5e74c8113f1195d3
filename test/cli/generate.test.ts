import { cpSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { contents, folder, quire, refuse, succeed } from '../support/cli.ts';
import { noGpu, softwareGpuEnv } from '../support/gpu-env.ts';
import { openStories, storiesFolder } from '../support/stories.ts';

const { golden } = openStories();
const shipped = resolve(import.meta.dirname, '../../models/quire-stories');
const onCpu = ['generate', '--backend', 'reference'];
const stories = [...onCpu, '--model', storiesFolder, '--temperature', '0'];

interface Output {
  readonly prompt: string | null;
  readonly prompt_token_ids: number[];
  readonly outputs: {
    readonly text: string;
    readonly token_ids: number[];
    readonly finish_reason: string;
    readonly stop_reason: unknown;
    readonly logprobs?: { token_id: number; logprob: number; top: [number, number][] }[];
  }[];
  readonly metrics: Record<string, number>;
}

async function generate(args: readonly string[], input?: string, cwd = folder()): Promise<Output[]> {
  const stdout = await succeed([...args, '--json'], { cwd, ...(input !== undefined && { input }) });
  return JSON.parse(stdout).outputs;
}

const tokens = (outputs: readonly Output[]) =>
  outputs.map(({ outputs: samples }) => samples.map(sample => sample.token_ids));
const lines = (...values: object[]) => values.map(value => `${JSON.stringify(value)}\n`).join('');

describe('what a model writes', () => {
  test('an empty prompt is the start token, and the known story follows', async () => {
    const count = golden.greedy_token_ids.length;
    const [output] = await generate([...stories, '--prompt', '', '--max-tokens', String(count)]);
    expect(output!.prompt_token_ids).toEqual(golden.prompt_token_ids);
    expect(output!.outputs).toEqual([
      {
        index: 0,
        text: golden.greedy_text,
        token_ids: golden.greedy_token_ids,
        finish_reason: 'length',
        stop_reason: null,
      },
    ]);
  });

  test('the model that ships is found, and goes on as Hugging Face Transformers has it', async () => {
    const { cases } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../backends/quire-stories.golden.json'), 'utf8'),
    ) as { cases: { promptTokenIds: number[]; greedyTokenIds: number[]; greedyText: string }[] };
    const prompts = lines(
      ...cases.map(({ promptTokenIds, greedyTokenIds }) => ({
        prompt_token_ids: promptTokenIds,
        max_tokens: greedyTokenIds.length,
      })),
    );
    const outputs = await generate([...onCpu, '--temperature', '0', '--prompts', '-'], prompts);
    expect(tokens(outputs)).toEqual(cases.map(({ greedyTokenIds }) => [greedyTokenIds]));
    expect(outputs.map(({ outputs: [sample] }) => sample!.text)).toEqual(
      cases.map(({ greedyText }) => greedyText.replace(/<\/s>$/, '')),
    );
  });

  test.each(['hf-static', 'orca-max', 'sglang'])(
    '%s batches, and every prompt gets the same',
    async policy => {
      const prompts = lines(
        ...[0, 5, 30, 11].map(length => ({
          prompt_token_ids: [...golden.prompt_token_ids, ...golden.greedy_token_ids.slice(0, length)],
        })),
      );
      const args = [
        ...stories,
        '--prompts',
        '-',
        '--max-tokens',
        '12',
        '--policy',
        policy,
        '--max-num-seqs',
        '3',
      ];
      const outputs = await generate(args, prompts);
      expect(tokens(outputs)).toEqual(
        [0, 5, 30, 11].map(length => [golden.greedy_token_ids.slice(length, length + 12)]),
      );
    },
  );

  test('the same seed writes the same, whatever the policy; samples and other seeds differ', async () => {
    const args = [
      'generate',
      '--backend',
      'reference',
      '--model',
      storiesFolder,
      '--prompt',
      'Lily',
      '--n',
      '2',
    ];
    const run = async (...more: string[]) => (await generate([...args, '--max-tokens', '12', ...more]))[0]!;
    const first = await run('--seed', '7');
    expect(tokens([await run('--seed', '7', '--policy', 'hf-static')])).toEqual(tokens([first]));
    expect(tokens([await run('--seed', '8')])).not.toEqual(tokens([first]));
    expect(first.outputs[0]!.token_ids).not.toEqual(first.outputs[1]!.token_ids);
  });

  test('stop strings end it and are left out; log-probabilities come on demand', async () => {
    const [output] = await generate([...stories, '--prompt', '', '--stop', 'time', '--logprobs', '2']);
    const sample = output!.outputs[0]!;
    expect(sample).toMatchObject({ finish_reason: 'stop', stop_reason: 'time' });
    expect(sample.text).toBe(golden.greedy_text.slice(0, golden.greedy_text.indexOf('time')));
    for (const { token_id, logprob, top } of sample.logprobs!) {
      expect(top).toHaveLength(2);
      expect(top[0]).toEqual([token_id, logprob]);
    }
  });
});

describe('what is printed', () => {
  test('each text after its prompt, and then speed and memory', async () => {
    const args = [...stories, '--prompt', 'Once upon', '--prompt', '', '--max-tokens', '6'];
    const stdout = await succeed(args, { cwd: folder(), alone: true });
    expect(stdout).toMatch(/^1\. Once upon.+\n {2}\[6 tokens, length\]\n\n2\. /);
    expect(stdout).toMatch(/^model +stories260K on the CPU \(reference, f32\), ready in [\d.]+ m?s$/m);
    expect(stdout).toMatch(/^batch +vllm: 6 steps of 2\.00 requests on average$/m);
    expect(stdout).toMatch(/^speed +12 tokens in .* tokens\/s; prefill [\d,.]+ tokens\/s, decode [\d,.]+/m);
    expect(stdout).toMatch(/ tokens\/s,\s+first\s+token\s+after\s+[\d.]+\s+m?s\n/);
    expect(stdout).toMatch(
      /^memory +[\d,]+ blocks of 16 tokens \([\d.]+ MiB\), at most \d+ tokens at once; /m,
    );
  });

  test('a heading for each prompt, its samples below, and token ids apart from the text', async () => {
    const prompts = lines({ prompt_token_ids: [1], n: 2, max_tokens: 4 }, { prompt: 'Once', max_tokens: 4 });
    const stdout = await succeed([...stories, '--prompts', '-'], { cwd: folder(), input: prompts });
    expect(stdout).toMatch(
      /^1\. \[1 token id\] Once upon.*\n {2}\[sample 0: 4 tokens, length\]\n\n\[1 token id\] Once upon.*\n {2}\[sample 1: 4 tokens, length\]\n\n2\. Once upon/,
    );
  });

  test('on stderr, where log-probabilities are, of which texts have none', async () => {
    const cwd = folder();
    const args = [...stories, '--prompt', '', '--max-tokens', '2', '--logprobs', '1'];
    expect((await quire(args, { cwd })).stderr).toBe(
      'quire: log-probabilities are not printed with texts: --json prints them, --out FILE writes them\n',
    );
    for (const more of [['--json'], ['--out', 'o.json']]) {
      expect((await quire([...args, ...more], { cwd })).stderr).toBe('');
    }
    expect(JSON.parse(readFileSync(join(cwd, 'o.json'), 'utf8')).outputs[0].outputs[0].logprobs).toHaveLength(
      2,
    );
  });

  test('on stderr, which outputs the context ended before max_tokens', async () => {
    const small = [...stories, '--ignore-eos', '--max-model-len', '16', '--prompt', ''];
    const run = (...more: string[]) => quire([...small, ...more], { cwd: folder() });
    const end = 'where the context of 16 tokens does, before max_tokens\n';
    expect((await run('--max-tokens', '15')).stderr).toBe('');
    const one = await run('--max-tokens', '16', '--json');
    expect(one.stderr).toBe(`quire: 1 output ends ${end}`);
    expect(JSON.parse(one.stdout).outputs[0].outputs[0].token_ids).toHaveLength(15);
    expect((await run('--prompt', 'Once')).stderr).toBe(`quire: 2 outputs end ${end}`);
  });

  test('--json has times in their order, and a summary that adds up', async () => {
    const args = [...stories, '--prompt', 'A cat', '--prompt', 'A dog', '--max-tokens', '9', '--json'];
    const { outputs, summary } = JSON.parse(await succeed(args, { cwd: folder() }));
    for (const { metrics } of outputs as Output[]) {
      const {
        first_scheduled_s: scheduled,
        first_token_s: first,
        last_token_s: last,
        finished_s: end,
      } = metrics;
      const times = [0, scheduled!, first!, last!, end!];
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(first).toBeLessThan(last!);
    }
    expect(summary.load_s).toBeGreaterThan(0);
    const [one, other] = (outputs as Output[]).map(({ metrics }) => metrics['ttft_s']!);
    expect(summary.median_ttft_s).toBeCloseTo((one! + other!) / 2, 9);
    expect(summary.output_tokens).toBe(18);
    expect(summary.steps).toBe(9);
    expect(summary.kv_capacity_tokens).toBe(summary.num_gpu_blocks * summary.block_size);
    const shares = Object.values(summary.memory as Record<string, number>);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(summary.decode_throughput).toBeGreaterThan(summary.output_throughput / 10);
  });

  test('what a terminal would obey is not printed', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'p.jsonl'), lines({ prompt: 'a\u001b[2Jb', max_tokens: 1 }));
    const stdout = await succeed([...stories, '--prompts', 'p.jsonl'], { cwd });
    expect(stdout).toContain('a\ufffd[2Jb');
    expect(stdout).not.toContain('\u001b');
  });

  test('a token of the hub is not kept with the results', async () => {
    const args = [...stories, '--prompt', '', '--max-tokens', '1', '--json', '--token', 'hf_secret'];
    const stdout = await succeed(args, { cwd: folder() });
    expect(stdout).not.toContain('hf_secret');
  });

  test('--out and --events write what happened', async () => {
    const cwd = folder();
    const files = [
      '--out',
      'o.json',
      '--events',
      'e.jsonl',
      '--events',
      'e.quire',
      '--events',
      'e.perfetto.json',
    ];
    const args = [...stories, '--prompt', '', '--max-tokens', '5', ...files];
    const stdout = await succeed(args, { cwd, alone: true });
    expect(stdout).toContain('\nresults: o.json\nevents: e.jsonl, e.quire, e.perfetto.json\n');
    const { outputs } = JSON.parse(readFileSync(join(cwd, 'o.json'), 'utf8'));
    expect(tokens(outputs)).toEqual([[golden.greedy_token_ids.slice(0, 5)]]);
    const types = readFileSync(join(cwd, 'e.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).type);
    expect(types.filter(type => type === 'step')).toHaveLength(5);
    expect(types.at(-1)).toBe('finished');
    const [recording] = await decodeRecordings(readFileSync(join(cwd, 'e.quire')), 'e.quire');
    expect(recording).toMatchObject({
      policy: 'vllm',
      config: { model: 'stories260K' },
      steps: { count: 5 },
    });
    const { traceEvents } = JSON.parse(readFileSync(join(cwd, 'e.perfetto.json'), 'utf8'));
    expect(traceEvents.length).toBeGreaterThan(10);
  });
});

describe('a file of prompts', () => {
  test("has texts and token ids, with parameters in vLLM's names that go before the flags", async () => {
    const cwd = folder();
    writeFileSync(
      join(cwd, 'prompts.jsonl'),
      `${lines({ prompt: '', max_tokens: 3 })}\n${lines({ prompt_token_ids: [1], stop_token_ids: [golden.greedy_token_ids[1]] })}`,
    );
    const outputs = await generate(
      [...stories, '--prompts', 'prompts.jsonl', '--max-tokens', '7'],
      undefined,
      cwd,
    );
    expect(tokens(outputs)).toEqual([
      [golden.greedy_token_ids.slice(0, 3)],
      [golden.greedy_token_ids.slice(0, 2)],
    ]);
    expect(outputs.map(({ prompt }) => prompt)).toEqual(['', null]);
  });

  test.each([
    ['{"prompt": "a"', /^p\.jsonl: line 2: not JSON: /],
    ['[1]', 'p.jsonl: line 2: expected an object such as {"prompt": "…"}, found [1]'],
    ['{}', 'p.jsonl: line 2: expected prompt or prompt_token_ids, found neither'],
    [
      '{"prompt": "a", "prompt_token_ids": [1]}',
      'p.jsonl: line 2: expected prompt or prompt_token_ids, found both',
    ],
    ['{"prompt": 5}', 'p.jsonl: line 2: prompt: expected text, found 5'],
    [
      `{"prompt": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      `p.jsonl: line 2: prompt: expected text, found ${'['.repeat(99)}…`,
    ],
    [
      '{"prompt": "a", "max_token": 5}',
      /^p\.jsonl: line 2: unknown key "max_token"; did you mean max_tokens\? /,
    ],
    ['{"prompt": "a", "top_p": 2}', 'p.jsonl: line 2: top_p is 2, but must be a number above 0, at most 1'],
    ['{"prompt": "a", "temperature": "hot"}', 'p.jsonl: line 2: temperature: expected a number, found "hot"'],
    ['{"prompt_token_ids": []}', /^p\.jsonl: line 2: prompt_token_ids: expected a list of at least one/],
    ['{"prompt_token_ids": [512]}', /^p\.jsonl: line 2: prompt_token_ids: 512 is no token of the model, /],
    [
      JSON.stringify({ prompt_token_ids: Array(600).fill(5) }),
      /^p\.jsonl: line 2 cannot be served: .*600.*512/,
    ],
  ])('%.60s is refused', async (line, message) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'p.jsonl'), `{"prompt": "fine"}\n${line}\n`);
    expectMessage(await refuse([...stories, '--prompts', 'p.jsonl'], { cwd }), message);
  });
});

test('a file of prompts that is not UTF-8 is refused, and its line named', async () => {
  const cwd = folder();
  const latin1 = Buffer.from('{"prompt": "fine"}\n\n{"prompt": "café"}\n', 'latin1');
  writeFileSync(join(cwd, 'p.jsonl'), latin1);
  expect(await refuse([...stories, '--prompts', 'p.jsonl'], { cwd })).toBe(
    'p.jsonl: line 3: not valid UTF-8; save the file as UTF-8',
  );
  writeFileSync(join(cwd, 'p.jsonl'), Buffer.from('\ufeff{"prompt": "fine"}\n', 'utf16le'));
  expect(await refuse([...stories, '--prompts', 'p.jsonl'], { cwd })).toMatch(/^p\.jsonl: line 1: not valid/);
  // Cut in the middle of its last character.
  writeFileSync(join(cwd, 'p.jsonl'), Buffer.from('{"prompt": "é').subarray(0, -1));
  expect(await refuse([...stories, '--prompts', 'p.jsonl'], { cwd })).toMatch(/^p\.jsonl: line 1: not valid/);
});

describe('what cannot be', () => {
  test.each<[string[], string | RegExp]>([
    [[], /^nothing to continue: give --prompt TEXT .* or --prompts FILE$/],
    [['--prompts', 'nosuch.jsonl'], /^nosuch\.jsonl: /],
    [
      ['--prompt', 'Once', 'upon', 'a', 'time'],
      `"upon a time" belongs to no flag: quote a text of several words, as in --prompt "Once upon a time"`,
    ],
    [['Once'], /^"Once" belongs to no flag: quote a text /],
    [['--prompt', '--json'], /^--prompt: expected a text, found the flag --json: .* --prompt "" .*--prompts/],
    [['--prompt', '--max-tokens=3'], /^--prompt: expected a text, found the flag --max-tokens=3: /],
    [['--prompt'], /^option '--prompt <text>' argument missing\n/],
    [['--prompt', 'a', '--temperature', '-1'], '--temperature is -1, but must be a number from 0 on'],
    [['--prompt', 'a', '--max-tokens', '0'], '--max-tokens is 0, but must be a whole number from 1 on'],
    [['--prompt', 'a', '--top-k', 'x'], '--top-k: expected a number, found "x"'],
    [['--prompt', 'a', '--stop', ''], 'an empty stop string would end every output at once'],
    [['--prompt', 'a', '--policy', 'vlm'], /^unknown policy "vlm"; did you mean vllm\?/],
    [['--prompt', 'a', '--block-size', '0'], /^--block-size: expected a whole number of at least 1/],
    [
      ['--prompt', 'a', '--max-model-len', '600'],
      /^--max-model-len is 600, but the model was made .* 512: lower it$/,
    ],
    [
      ['--prompt', 'a', '--dtype', 'f16'],
      /^--dtype f16: the reference backend computes in f32; use --backend webgpu$/,
    ],
    [['--prompt', 'a', '--adapter', '0'], /^--adapter has no effect on the reference backend/],
    [['--prompt', 'a', '--no-tune'], /^--no-tune has no effect on the reference backend/],
    [['--prompt', 'a', '--gpu-memory', '90%'], /^--gpu-memory: expected GiB, .*no shares/],
    [['--prompt', 'a', '--gpu-memory', '1e-9'], /^--gpu-memory: expected GiB/],
    [['--prompt', 'a', '--gpu-memory', '0.00001'], /hold no KV block of 16 tokens/],
    [['--prompt', 'a', '--model', 'nosuch'], /^There is no folder "nosuch"; name the folder of a model, /],
    [['--prompt', 'a', '--model', '/'], /has no config\.json/],
    [['--prompt', 'a', '--events', 'x.txt'], /^--events x\.txt: its ending says what is written/],
    [['--prompt', 'a', '--backend', 'cuda'], '--backend: expected one of webgpu, reference, found "cuda"'],
  ])('%j', async (args, message) => {
    expectMessage(await refuse([...onCpu, ...args], { cwd: folder(), alone: args.length === 0 }), message);
  });

  test.each<[string, (model: string) => void, RegExp]>([
    [
      'another architecture',
      model =>
        edit(join(model, 'config.json'), config => ({
          ...config,
          architectures: ['GPT2LMHeadModel'],
          model_type: 'gpt2',
        })),
      /GPT2LMHeadModel|gpt2/,
    ],
    [
      'a tokenizer of another model',
      model => edit(join(model, 'config.json'), config => ({ ...config, vocab_size: 300 })),
      /tokenizer/,
    ],
    [
      'weights cut short',
      model => truncateSync(join(model, 'model.safetensors'), 1_000_000),
      /model\.safetensors/,
    ],
    [
      'weights of another shape',
      model => edit(join(model, 'config.json'), config => ({ ...config, intermediate_size: 400 })),
      /mlp/,
    ],
  ])('%s', async (name, change, message) => {
    const model = folder();
    for (const file of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
      cpSync(join(shipped, file), join(model, file));
    }
    change(model);
    const args = [...onCpu, '--prompt', 'a', '--model', model];
    expect(await refuse(args, { cwd: folder(), alone: name === 'weights cut short' })).toMatch(message);
  });
});

test('Ctrl-C ends it at once, and leaves no half of a file', async () => {
  const cwd = folder();
  const args = [
    ...stories,
    '--prompt',
    '',
    '--n',
    '16',
    '--max-tokens',
    '500',
    '--ignore-eos',
    '--temperature',
    '1',
  ];
  const run = await quire([...args, '--events', 'e.jsonl'], {
    cwd,
    started: child => {
      const timer = setInterval(() => {
        // Only once it runs: then the file is there in part. An empty one only tries the place.
        const sizes = readdirSync(cwd).map(
          name => statSync(join(cwd, name), { throwIfNoEntry: false })?.size,
        );
        if (!sizes.some(size => size)) return;
        clearInterval(timer);
        child.kill('SIGINT');
      }, 50);
    },
  });
  expect([run.code, run.signal]).not.toEqual([0, null]);
  expect(run.stdout).toBe('');
  expect(run.stderr).not.toMatch(/^ {4}at /m);
  expect(contents(cwd)).toEqual({});
});

describe('backends', () => {
  const args = [
    'generate',
    '--model',
    storiesFolder,
    '--prompt',
    '',
    '--temperature',
    '0',
    '--max-tokens',
    '4',
  ];

  test('without a GPU it runs on the CPU, and says so on stderr', async () => {
    const run = await quire([...args, '--json'], { cwd: folder(), env: noGpu });
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/^quire: using the reference backend, on the CPU: .+\n$/);
    const { backend, outputs } = JSON.parse(run.stdout);
    expect(backend).toBe('reference');
    expect(tokens(outputs)).toEqual([[golden.greedy_token_ids.slice(0, 4)]]);
  });

  test('without a GPU --backend webgpu is refused, with what to do', async () => {
    const run = await quire([...args, '--backend', 'webgpu'], { cwd: folder(), env: noGpu });
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(/^quire: no GPU found: .*use the reference backend\n$/);
  });

  test('on a GPU it tells the same story, and lets the device go', async () => {
    const small = ['--backend', 'webgpu', '--dtype', 'f32', '--max-num-seqs', '4', '--max-model-len', '128'];
    const options = { cwd: folder(), env: softwareGpuEnv() };
    const document = JSON.parse(await succeed([...args, ...small, '--json'], options));
    expect(document).toMatchObject({
      backend: 'webgpu',
      dtype: 'f32',
      device: expect.stringContaining('SwiftShader'),
    });
    expect(tokens(document.outputs)).toEqual([[golden.greedy_token_ids.slice(0, 4)]]);
  });

  test('software is not taken for a GPU unless it is asked for', async () => {
    const run = await quire(args, { cwd: folder(), env: softwareGpuEnv() });
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(
      /^quire: using the reference .* the only GPU is software .*--backend webgpu takes it$/m,
    );
  });

  test.each<[string[], RegExp]>([
    [['--adapter', 'nosuch'], /^quire: there is no adapter "nosuch": there are 0: SwiftShader/m],
    [['--backend', 'webgpu', '--gpu-memory', '0.0005'], /^quire: .*--gpu-memory/m],
  ])('on a GPU %j is refused', async (more, message) => {
    const run = await quire([...args, ...more], { cwd: folder(), env: softwareGpuEnv() });
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toMatch(message);
  });
});

function expectMessage(said: string, message: string | RegExp): void {
  if (typeof message === 'string') expect(said).toBe(message);
  else expect(said).toMatch(message);
}

function edit(path: string, change: (value: object) => object): void {
  writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))));
}
