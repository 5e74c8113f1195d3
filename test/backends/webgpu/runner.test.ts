import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TokenBatch } from '../../../src/backends/model-runner.ts';
import { sampleToken } from '../../../src/backends/sampling/sample.ts';
import { DeviceLost } from '../../../src/backends/webgpu/device-lost.ts';
import { WebGpuRunner } from '../../../src/backends/webgpu/runner.ts';
import type { RunnerOptions } from '../../../src/backends/webgpu/runner-options.ts';
import { UsageError } from '../../../src/core/errors.ts';
import { MiB } from '../../../src/core/units.ts';
import { batchOf, GREEDY, type TestRow, type TestSequence } from './batches.ts';
import { relativeError } from './naive.ts';
import { openSoftwareGpu, softwareGpu } from './software-gpu.ts';
import { openStories, type Stories } from './stories.ts';

const gpu = softwareGpu();
const BLOCK = 16;
const SETTINGS: RunnerOptions = {
  dtype: 'f32',
  blockSize: BLOCK,
  numBlocks: 64,
  maxBatchedTokens: 16,
  maxSeqs: 2,
  compileAhead: false,
};
let stories: Stories;
let runner: WebGpuRunner;

beforeAll(async () => {
  stories = await openStories();
  runner = await create(SETTINGS);
}, 60_000);

afterAll(async () => {
  runner?.dispose();
  await stories?.model.weights.close();
});

async function create(options: RunnerOptions): Promise<WebGpuRunner> {
  return await WebGpuRunner.create(await gpu(), stories.model.config, stories.model.weights, options);
}

/** Blocks in no order, so that no run of consecutive addresses could pass for them. */
function sequence(tokens: readonly number[], which = 0): TestSequence {
  const blocks = Array.from({ length: 16 }, (_, i) => ((i * 29 + 7) % 32) * 2 + which);
  return { tokens: [...tokens], blocks, computed: 0 };
}

async function step(rows: readonly TestRow[], on = runner): Promise<readonly number[]> {
  return (await on.run(batchOf(rows, BLOCK))).map(({ token }) => token);
}

/** Greedy tokens, one after the other. */
async function decode(seq: TestSequence, count: number, on = runner): Promise<readonly number[]> {
  const drawn: number[] = [];
  while (drawn.length < count) {
    const [token] = await step([{ sequence: seq, count: seq.tokens.length - seq.computed, draw: {} }], on);
    seq.tokens.push(token!);
    drawn.push(token!);
  }
  return drawn;
}

describe('what the model is known to say, token for token', () => {
  test('one token after the other', async () => {
    expect(await decode(sequence(stories.prompt), 60)).toEqual(stories.greedy.slice(0, 60));
  });

  test('after a prefill in one go, with larger buffers than were made at first', async () => {
    const known = 41;
    const seq = sequence([...stories.prompt, ...stories.greedy.slice(0, known - 1)]);
    expect(await decode(seq, 12)).toEqual(stories.greedy.slice(known - 1, known + 11));
  });

  test('after a prefill in chunks, of which only the last draws', async () => {
    const known = 50;
    const seq = sequence([...stories.prompt, ...stories.greedy.slice(0, known - 1)]);
    for (const count of [17, 2, 16, 1, 10]) expect(await step([{ sequence: seq, count }])).toEqual([]);
    expect(await decode(seq, 6)).toEqual(stories.greedy.slice(known - 1, known + 5));
  });

  test('two sequences at once: one decodes while the other is prefilled by chunks', async () => {
    const first = sequence(stories.prompt, 0);
    const second = sequence([...stories.prompt, ...stories.greedy.slice(0, 29)], 1);
    const said: [number[], number[]] = [[], []];
    for (const count of [13, 1, 9, 7, ...Array(10).fill(1)]) {
      const last = second.computed + count === second.tokens.length;
      const rows: TestRow[] = [
        { sequence: second, count, ...(last && { draw: {} }) },
        { sequence: first, count: 1, draw: {} },
      ];
      const drawn = await step(rows);
      first.tokens.push(drawn.at(-1)!);
      said[0].push(drawn.at(-1)!);
      if (!last) continue;
      second.tokens.push(drawn[0]!);
      said[1].push(drawn[0]!);
    }
    expect(said[0]).toEqual(stories.greedy.slice(0, said[0].length));
    expect(said[1]).toEqual(stories.greedy.slice(29, 29 + said[1].length));
    expect(said[1].length).toBe(11);
  });

  test('a fork: its block is copied, and both go on from there', async () => {
    const seq = sequence(stories.prompt);
    const said = [...(await decode(seq, 20))];
    const fork: TestSequence = {
      tokens: [...seq.tokens],
      blocks: [seq.blocks[0]!, 1, 3, 5],
      computed: seq.computed,
    };
    const rows = [seq, fork].map(row => ({ sequence: row, count: 1, draw: {} }));
    const batch = batchOf(rows, BLOCK, [seq.blocks[1]!, 1]);
    const drawn = (await runner.run(batch)).map(({ token }) => token);
    expect(drawn).toEqual([stories.greedy[20], stories.greedy[20]]);
    for (const [i, row] of [seq, fork].entries()) {
      row.tokens.push(drawn[i]!);
      expect(await decode(row, 4)).toEqual(stories.greedy.slice(21, 25));
    }
    expect(said).toEqual(stories.greedy.slice(0, 20));
  });

  test('in f16 too', async () => {
    const half = await create({ ...SETTINGS, dtype: 'f16' });
    expect(half.memoryUsed).toBeLessThan(runner.memoryUsed);
    expect(await decode(sequence(stories.prompt), 50, half)).toEqual(stories.greedy.slice(0, 50));
    half.dispose();
  });
});

test('the same without bounds checks', async () => {
  const fast = await openSoftwareGpu({ unsafeFast: true });
  const { config, weights } = stories.model;
  const unchecked = await WebGpuRunner.create(fast, config, weights, SETTINGS);
  const seq = sequence([...stories.prompt, ...stories.greedy.slice(0, 20)]);
  expect(await decode(seq, 15, unchecked)).toEqual(stories.greedy.slice(20, 35));
  unchecked.dispose();
  fast.destroy();
});

test('the same with portable attention', async () => {
  const { config, weights } = stories.model;
  const portable = ['decode', 'prefill'] as const;
  const other = await WebGpuRunner.create(await gpu(), config, weights, { ...SETTINGS, portable });
  const seq = sequence([...stories.prompt, ...stories.greedy.slice(0, 20)]);
  expect(await decode(seq, 15, other)).toEqual(stories.greedy.slice(20, 35));
  expect([runner, other].map(({ kernels }) => kernels.part('decode').shader.name.split(' ')[0])).toEqual([
    'subgroup-decode',
    'paged-attention',
  ]);
  other.dispose();
});

describe('draws', () => {
  const first = (params: object, rest: object = {}): TestRow => ({
    sequence: sequence(stories.prompt),
    count: 1,
    draw: { params, ...rest },
  });

  test('log-probabilities are those of the known logits', async () => {
    const [drawn] = await runner.run(batchOf([first({ temperature: 0, logprobs: 512 })], BLOCK));
    const logits = stories.firstLogits;
    const most = Math.max(...logits);
    const norm = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
    const expected = logits.map(logit => logit - norm);
    const actual = Array<number>(512);
    for (const [token, logprob] of drawn!.top!) actual[token] = logprob;
    expect(relativeError(actual, expected)).toBeLessThan(1e-4);
    expect(drawn!.token).toBe(stories.greedy[0]);
  });

  test('the GPU and the CPU draw the same, alone or in a batch, several of one row', async () => {
    const row = first({});
    const { draws: _, ...batch } = batchOf([row, { ...first({}), sequence: sequence([1, 403], 1) }], BLOCK);
    const draws = Array.from({ length: 24 }, (_, i) => ({
      row: i % 2,
      params: {
        ...GREEDY,
        temperature: 1.5,
        ...(i % 3 === 0 && { topK: 40 }),
        ...(i % 4 === 0 && { topP: 0.9 }),
      },
      seed: 1000 + i,
      step: i,
      prompt: [1],
      output: [],
      banned: i % 5 === 0 ? [403] : [],
    }));
    const together = await runner.run({ ...batch, draws });
    const alone = [];
    for (const draw of draws) alone.push(...(await runner.run({ ...batch, draws: [draw] })));
    expect(alone).toEqual(together);
    const logits = Float32Array.from(stories.firstLogits);
    for (const [i, draw] of draws.entries()) {
      if (draw.row === 0) expect(sampleToken(logits, draw).token).toBe(together[i]!.token);
    }
    expect(new Set(together.map(({ token }) => token)).size).toBeGreaterThan(3);
  });
});

describe('steps in flight', () => {
  test('batches may be given before the former has answered', async () => {
    const known = stories.greedy.slice(0, 12);
    const seq = sequence([...stories.prompt, ...known]);
    const batches: TokenBatch[] = [];
    for (let i = 0; i < known.length; i++)
      batches.push(batchOf([{ sequence: seq, count: 1, draw: {} }], BLOCK));
    const answers = await Promise.all(batches.map(batch => runner.run(batch)));
    expect(answers.map(([drawn]) => drawn!.token)).toEqual(known);
  });

  test('a step without draws, and one that only copies, answer too', async () => {
    expect(await runner.run(batchOf([], BLOCK, [0, 1]))).toEqual([]);
    expect(await step([{ sequence: sequence(stories.prompt), count: 1 }])).toEqual([]);
  });

  test.each([
    ['before they are encoded', false],
    ['while the GPU computes them', true],
  ])('when the device is lost %s, the steps in flight say so, and those after', async (_, submitted) => {
    const own = await openSoftwareGpu();
    const { config, weights } = stories.model;
    const lost = await WebGpuRunner.create(own, config, weights, SETTINGS);
    await decode(sequence(stories.prompt), 2, lost);
    const seq = sequence([...stories.prompt, ...stories.greedy]);
    const answers = [1, 1, 1, 1].map(count => lost.run(batchOf([{ sequence: seq, count, draw: {} }], BLOCK)));
    const settled = Promise.allSettled(answers);
    if (submitted) await new Promise(setImmediate);
    own.device.destroy();
    const reasons = (await settled).flatMap(answer => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) expect(reason).toBeInstanceOf(DeviceLost);
    await expect(lost.run(batchOf([], BLOCK))).rejects.toThrow(DeviceLost);
    lost.dispose();
  });
});

describe('creation', () => {
  test('as many blocks as a budget has room for', async () => {
    const sized = await create({ ...SETTINGS, numBlocks: undefined, memory: 24 * MiB });
    expect(sized.memoryUsed).toBeLessThanOrEqual(24 * MiB);
    const block = 2 * 5 * 4 * 8 * 16 * 4;
    expect(sized.memoryUsed + block).toBeGreaterThan(24 * MiB - 64 * 1024);
    expect(await decode(sequence(stories.prompt), 3, sized)).toEqual(stories.greedy.slice(0, 3));
    sized.dispose();
  });

  test.each([
    [{ memory: MiB, numBlocks: undefined }, /1.0 MiB of GPU memory leave no room for KV: .*raise gpuMemory/],
    [{ numBlocks: undefined }, /give numBlocks, or memory/],
    [{ blockSize: 0 }, /blockSize 0: must be a whole number/],
    [{ dtype: 'q4' as 'f16' }, /dtype "q4": f16 or f32/],
  ])('what cannot be: %j', async (options, message) => {
    const creating = create({ ...SETTINGS, ...options });
    await expect(creating).rejects.toThrow(UsageError);
    await expect(creating).rejects.toThrow(message);
  });

  test('weights that are not those of the config are named', async () => {
    const config = { ...stories.model.config, intermediate: 170 };
    const creating = WebGpuRunner.create(await gpu(), config, stories.model.weights, SETTINGS);
    await expect(creating).rejects.toThrow(UsageError);
    await expect(creating).rejects.toThrow(
      /gate_proj.weight is \[172, 64\], and config.json makes it \[170, 64\]/,
    );
  });

  test('a shape that no kernel has', async () => {
    const config = { ...stories.model.config, headDim: 12 };
    const creating = WebGpuRunner.create(await gpu(), config, stories.model.weights, SETTINGS);
    await expect(creating).rejects.toThrow(/a head of 12 is not a multiple of 8 .*use the reference backend/);
  });
});
