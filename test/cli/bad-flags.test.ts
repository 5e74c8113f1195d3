import { describe, expect, test } from 'vitest';
import { complaint, folder, quire, refuse, succeed, words } from '../support/cli.ts';

/** A mistake, and the message in full, or what it must say. */
type Mistake = readonly [args: string, message: string | RegExp];

function refused(mistakes: readonly Mistake[]): void {
  test.each(mistakes)('%s', async (args, message) => {
    const alone = args === mistakes[0]![0];
    expectMessage(await refuse(words(args), { cwd: folder(), alone }), message);
  });
}

/** The same of flags of `quire compare` that are wrong in themselves. */
function complained(mistakes: readonly Mistake[]): void {
  test.each(mistakes)('%s', async (flags, message) => {
    expectMessage(await complaint(flags), message);
  });
}

function expectMessage(said: string | undefined, message: string | RegExp): void {
  expect(said).toBeTypeOf('string');
  if (typeof message === 'string') expect(said).toBe(message);
  else expect(said).toMatch(message);
}

const POLICIES =
  'Known: hf-static, deepspeed-static, faster-transformer, orca-max, orca-pow2, orca-oracle, tgi-0.8, vllm-v0, vllm, sarathi, fastgen, sglang, trtllm, tgi-3, nano-vllm';
const HINT = '(quire <command> --help lists the flags)';

describe('a name that does not exist is answered with the nearest and all there are', () => {
  refused([
    ['compare --policy vlm', `unknown policy "vlm"; did you mean vllm? ${POLICIES}`],
    ['compare --policy hf-static,VLM', `unknown policy "VLM"; did you mean vllm? ${POLICIES}`],
    ['compare --model llama2-7B', /^unknown model "llama2-7B"; did you mean llama-2-7b\? Known: llama-7b, /],
    ['compare --gpu a100', /^unknown GPU "a100"; did you mean a100-40g\? Known: a100-40g, /],
    // Nothing is near: no guess, yet two sentences.
    ['compare --policy zzzzzz', /^unknown policy "zzzzzz"[.;] Known: /],
    ['compare --gpu zzz', /^unknown GPU "zzz"[.;] Known: a100-40g, /],
    ['compare --model zzzzzz', /^unknown model "zzzzzz"[.;] Known: /],
    ['compare --polcy x', `unknown option '--polcy'\n(Did you mean --policy?)\n${HINT}`],
    ['comp', `unknown command 'comp'\n(Did you mean compare?)\n${HINT}`],
    ['nosuch', `unknown command 'nosuch'\n${HINT}`],
    ['compare --policy', `option '--policy <names>' argument missing\n${HINT}`],
    ['compare extra', `too many arguments for 'compare'. Expected 0 arguments but got 1.\n${HINT}`],
    ['policies extra', `too many arguments for 'policies'. Expected 0 arguments but got 1.\n${HINT}`],
    ['run', `missing required argument 'config'\n${HINT}`],
    ['compare --num-prompts=-1', '--num-prompts: expected a whole number of at least 1, found -1'],
    ['compare --fixed-rate', '--fixed-rate needs a --request-rate: how many a second?'],
    ['compare --policy vllm,vllm', '--policy vllm is named twice'],
    ['compare --workload chat --num-prompts=5', /^--num-prompts has no effect on the workload chat; /],
    ['compare --workload sharegtp', /^--workload: expected one of sharegpt, alpaca, .*, found "sharegtp"$/],
  ]);

  test('however it is written, a known name is understood', async () => {
    const args = ['compare', '--policy', 'vllm', '--num-prompts', '5', '--replications', '1'];
    await succeed([...args, '--model', 'Llama-13B', '--gpu', 'A100-40G'], { cwd: folder() });
  });
});

describe('a choice must be one of those there are', () => {
  complained([
    ['--weights fp4', '--weights: expected one of fp16, fp8, int8, int4, found "fp4"'],
    ['--kv-cache-dtype int8', '--kv-cache-dtype: expected one of fp16, fp8, found "int8"'],
    ['--order lifo', /^--order: expected one of fcfs, .*, found "lifo"$/],
    ['--admission all', /^--admission: expected one of first-chunk, .*, found "all"$/],
    ['--victim oldest', /^--victim: expected one of newest, .*, found "oldest"$/],
    ['--preemption x', '--preemption: expected one of recompute, swap, auto, found "x"'],
    ['--prefix-caching yes', '--prefix-caching: expected one of on, off, found "yes"'],
  ]);
});

describe('a number must be one that makes sense', () => {
  const whole =
    'tensor-parallel num-gpu-blocks-override kv-slots max-num-seqs max-num-batched-tokens block-size num-prompts input-len output-len prefix-groups prefix-len users turns n beam-width replications';
  complained([
    ...whole
      .split(' ')
      .map((flag): Mistake => [`--${flag} 0`, `--${flag}: expected a whole number of at least 1, found 0`]),
    ['--tensor-parallel=-1', '--tensor-parallel: expected a whole number of at least 1, found -1'],
    ['--kv-slots 1.5', '--kv-slots: expected a whole number of at least 1, found 1.5'],
    ['--users NaN', '--users: expected a whole number of at least 1, found "NaN"'],
    ['--users Infinity', '--users: expected a whole number of at least 1, found Infinity'],
    ['--input-len 1e309', /^--input-len: expected a whole number of at least 1, found (Infinity|"1e309")$/],
    ["--num-prompts ''", '--num-prompts: expected a whole number of at least 1, found ""'],
    ['--num-prompts ten', '--num-prompts: expected a whole number of at least 1, found "ten"'],
    ['--seed 1.5', '--seed: expected a whole number, found 1.5'],
    ['--seed x', '--seed: expected a whole number, found "x"'],
    ['--max-model-len 1', '--max-model-len: expected a whole number of at least 2, found 1'],
    ['--request-rate 0', /^--request-rate: expected a number above 0(, or inf)?, found 0$/],
    ['--request-rate fast', '--request-rate: expected a number above 0, or inf, found "fast"'],
    ['--request-rate=-inf', /^--request-rate: expected a number above 0, or inf, found /],
    ['--burstiness 0', '--burstiness: expected a number above 0, found 0'],
    ['--time-scale=-1', '--time-scale: expected a number above 0, found -1'],
    ['--think-time=-1', '--think-time: expected a number of at least 0, found -1'],
    ['--abort-after NaN', '--abort-after: expected a number above 0, found "NaN"'],
    ['--max-tokens 0', /^--max-tokens: expected .*a whole number of at least 1, found 0$/],
    ['--max-tokens all', '--max-tokens: expected auto, exact or a whole number of at least 1, found "all"'],
    ['--gpu-memory-utilization 1.1', /^--gpu-memory-utilization: expected .*, found 1\.1$/],
    ['--gpu-memory-utilization NaN', /^--gpu-memory-utilization: expected .*, found "NaN"$/],
    ['--watermark=-0.1', /^--watermark: expected .*, found -0\.1$/],
    ['--range-ratio 2', /^--range-ratio: expected .*, found 2$/],
    ['--high-priority-share 1.5', /^--high-priority-share: expected .*, found 1\.5$/],
    ["--policy ''", /^--policy: expected .*polic/],
    ['--policy vllm,', /^--policy: expected .*polic/],
    ["--model ''", '--model: expected text, found ""'],
    ["--gpu ''", '--gpu: expected text, found ""'],
    ["--trace ''", '--trace: expected text, found ""'],
  ]);
});

describe('a share that is an end left out is not called a share from 0 to 1', () => {
  complained([
    ['--gpu-memory-utilization 0', /^--gpu-memory-utilization: expected .*above 0.*, found 0$/],
    ['--watermark 1', /^--watermark: expected .*below 1.*, found 1$/],
    ['--range-ratio 1', /^--range-ratio: expected .*below 1.*, found 1$/],
    ['--high-priority-share 0', /^--high-priority-share: expected .*above 0.*, found 0$/],
  ]);
});

describe('a number that no memory and no simulation can hold names its flag', () => {
  complained([
    ['--kv-slots 1e15', /^--kv-slots: expected .*at most .*, found 1000000000000000$/],
    ['--num-gpu-blocks-override 1e15', /^--num-gpu-blocks-override: expected .*at most /],
    ['--n 1e15', /^--n: expected .*at most /],
    ['--n 1000000', /^--n: expected .*at most /],
    ['--beam-width 1e15', /^--beam-width: expected .*at most /],
    ['--workload fixed --input-len 1e15', /^--input-len: expected .*at most /],
    ['--workload lognormal --output-len 1e15', /^--output-len: expected .*at most /],
    ['--workload shared-prefix --prefix-len 1e15', /^--prefix-len: expected .*at most /],
    ['--workload shared-prefix --prefix-groups 1e15', /^--prefix-groups: expected .*at most /],
    ['--workload closed-loop --users 1e15', /^--users: expected .*at most /],
  ]);
});

describe('numbers at the ends of what numbers can be do not make it run for ever', () => {
  test.each([
    '--burstiness 1e-300 --request-rate 2',
    '--request-rate 1e-320',
    '--request-rate 1e308 --burstiness 0.001',
    '--abort-after 1e-320',
    '--workload closed-loop --users 1000000',
  ])('%s', async flags => {
    const args = `compare --policy vllm --replications 1 --num-prompts 5 ${flags}`.split(' ');
    const { code, stderr } = await quire(args, { cwd: folder(), timeout: 30_000 });
    expect(code === 0 || code === 2).toBe(true);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});

describe('limits that cannot be met say what stands in the way', () => {
  refused([
    [
      'compare --model llama-2-70b',
      'llama-2-70b does not fit on 1 × a100-40g: 128.5 GiB of weights and 1.1 GiB of activations and context a GPU leave no KV memory in the usable 35.5 GiB; try --tensor-parallel 4 or --gpu b200 or --weights int4',
    ],
    [
      'compare --model opt-175b',
      /^opt-175b does not fit on 1 × a100-40g: .*; no single change makes room: combine /,
    ],
    ['compare --gpu-memory-utilization 0.01', /^llama-13b does not fit on 1 × a100-40g: /],
    [
      'compare --tensor-parallel 3',
      '--tensor-parallel 3 does not divide the 40 attention heads of llama-13b; try 2, 4, 8',
    ],
    ['compare --policy vllm --max-model-len 1000000', /^--max-model-len 1000000 /],
    ['compare --policy vllm --gpu a100-80g --max-model-len 4096', /^--max-model-len 4096 .*2048/],
    ['compare --kv-slots 64 --max-model-len 1000', /^--max-model-len 1000 does not fit: .*--kv-slots/],
    ['compare --kv-slots 1', /^the KV memory holds less than one block of 16 tokens/],
    ['compare --block-size 1000000', /^the KV memory holds less than one block of 1000000 tokens/],
    [
      'compare --max-num-batched-tokens 100',
      'hf-static runs prompts whole: --max-num-batched-tokens 100 must be at least --max-model-len (2048)',
    ],
    [
      'compare --policy vllm --max-num-seqs 100000',
      /^--max-num-batched-tokens 2048 must be at least --max-num-seqs \(100000\)/,
    ],
  ]);
});

describe('settings that contradict each other', () => {
  complained([
    [
      '--n 2 --beam-width 2',
      'n and beam_width cannot be set together: a request samples, or searches by beams',
    ],
    [
      '--kv-slots 100 --num-gpu-blocks-override 10',
      /^num_gpu_blocks_override and kv_slots cannot be set together: /,
    ],
    ['--time-scale 2', 'time_scale needs a trace to stretch'],
    ['--trace x.csv --workload chat', 'workload cannot be set together with trace: the trace decides it'],
    [
      '--trace x.csv --request-rate 2',
      'request_rate cannot be set together with trace: the trace decides it; to change its rate use time_scale',
    ],
    ['--trace x.csv --beam-width 2', 'beam_width cannot be set together with trace: the trace decides it'],
  ]);
});

// Who sets --input-len and gets the lengths of ShareGPT draws a wrong conclusion.
describe('a setting that the workload does not look at is refused, not ignored', () => {
  complained([
    ['--input-len 2000', /input_len.*sharegpt/],
    ['--workload alpaca --output-len 20', /output_len.*alpaca/],
    ['--workload fixed --input-len 5 --range-ratio 0.1', /range_ratio.*fixed/],
    ['--prefix-len 100', /prefix_len.*sharegpt/],
    ['--workload uniform --prefix-groups 3', /prefix_groups.*uniform/],
    ['--users 3', /users.*sharegpt/],
    ['--think-time 3', /think_time.*sharegpt/],
    ['--workload closed-loop --turns 3', /turns.*closed-loop/],
    ['--workload closed-loop --request-rate 3', /request_rate.*closed-loop/],
    ['--workload chat --n 3', /\bn\b.*chat/],
    ['--workload chat --beam-width 3', /beam_width.*chat/],
    ['--workload closed-loop --abort-after 3', /abort_after.*closed-loop/],
    ['--workload chat --high-priority-share 0.5', /high_priority_share.*chat/],
    ['--workload chat --num-prompts 10', /num_prompts.*chat/],
    ['--burstiness 2', /burstiness.*request_rate/],
    ['--trace x.csv --input-len 3', /input_len.*trace/],
    ['--trace x.csv --users 3', /users.*trace/],
    ['--trace x.csv --abort-after 3', /abort_after.*trace/],
    ['--trace x.csv --high-priority-share 0.5', /high_priority_share.*trace/],
    ['--policy hf-static,orca-max --prefix-caching on', /prefix_caching.*paged/],
  ]);
});

describe('--slo', () => {
  const small = 'compare --policy vllm --num-prompts 5 --replications 1';
  refused([
    [
      'compare --slo fast',
      /slo: expected limits such as ttft:500,tpot:50,e2el:10000 \(ms\) or .*, found "fast"$/,
    ],
    ['compare --slo ttft:-5', /slo: expected limits such as .*, found "ttft:-5"$/],
    ['compare --slo ttft:1,', /slo: expected limits such as .*, found ""$/],
    ['compare --slo ttft:NaN', /slo: expected limits such as .*, found "ttft:NaN"$/],
    ["compare --slo ''", '--slo: expected text, found ""'],
    [
      `${small} --slo p99_tft_ms<5`,
      /slo: results have no figure p99_tft_ms; (did you mean p99_ttft_ms\?|they have )/,
    ],
    [`${small} --slo series<5`, /slo: results have no figure series/],
    [`${small} --slo request_goodput>1`, /slo: results have no figure request_goodput/],
  ]);

  test('a misspelt figure is found before anything long runs', async () => {
    const cwd = folder();
    const args = ['compare', '--num-prompts', '1000000', '--policy', 'vllm', '--slo', 'p99_tft_ms<5'];
    expect(await refuse(args, { cwd })).toMatch(/p99_tft_ms/);
  });
});

describe('--print-config', () => {
  refused([
    ['compare --print-config --policy vlm', /^unknown policy "vlm"; did you mean vllm\?/],
    ['compare --print-config --gpu a100', /^unknown GPU "a100"; did you mean a100-40g\?/],
    ['compare --print-config --model llama2-7B', /^unknown model "llama2-7B"; did you mean llama-2-7b\?/],
    ['compare --print-config --slo fast', /slo: expected limits/],
  ]);
});
