import { describe, expect, test } from 'vitest';
import { noiseKey } from '../../../src/backends/sampling/gumbel.ts';
import { sampleToken } from '../../../src/backends/sampling/sample.ts';
import {
  CONVERT_FIELDS,
  convertGrid,
  convertShader,
  type FileDtype,
} from '../../../src/backends/webgpu/kernels/convert.ts';
import { copyBlocksShader, copyGroups } from '../../../src/backends/webgpu/kernels/copy-blocks.ts';
import { embedShader } from '../../../src/backends/webgpu/kernels/embed.ts';
import { rmsNormShader } from '../../../src/backends/webgpu/kernels/rms-norm.ts';
import { ropeHeads, ropeShader } from '../../../src/backends/webgpu/kernels/rope.ts';
import { NO_TOKEN, sampleShader } from '../../../src/backends/webgpu/kernels/sample.ts';
import { stepUniform } from '../../../src/backends/webgpu/kernels/step-layout.ts';
import type { Dtype } from '../../../src/backends/webgpu/kernels/storage.ts';
import { ropeTable } from '../../../src/backends/webgpu/rope-table.ts';
import { GREEDY } from './batches.ts';
import { naiveRmsNorm, noise, relativeError } from './naive.ts';
import { halfBits, kernelCache, loaded, rounded, runKernels, stored } from './run-kernel.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();
const compiled = kernelCache(gpu);
const DTYPES: readonly Dtype[] = ['f32', 'f16'];
const TOLERANCE = { f32: 1e-5, f16: 1e-3 };

describe.each(DTYPES)('with %s', dtype => {
  test('embedding rows of tokens', async () => {
    const [hidden, vocab] = [72, 11];
    const table = rounded(dtype, noise(1, hidden * vocab));
    const tokens = [3, 10, 0, 3];
    const buffers = {
      drawn: Int32Array.from([7, 10]),
      step: stepUniform({ tokens: 4 }),
      // The second is what draw 1 of the step before drew.
      batch: Int32Array.from([3, -2, 0, 3]),
      embedding: stored(dtype, table),
      hidden: 4 * hidden * 4,
    };
    const kernel = await compiled(embedShader({ dtype, hidden, vocab }));
    const { hidden: out } = await runKernels(await gpu(), [{ kernel, buffers, grid: [4, 1, 1] }], ['hidden']);
    const expected = tokens.flatMap(token => [...table.subarray(token * hidden, (token + 1) * hidden)]);
    expect([...new Float32Array(out!)]).toEqual(expected);
  });

  test('RMS norm, of all tokens and of those gathered', async () => {
    const [hidden, eps] = [200, 1e-5];
    const x = noise(2, 5 * hidden);
    const weights = noise(3, hidden);
    const normed = (token: number) =>
      naiveRmsNorm(x.subarray(token * hidden, (token + 1) * hidden), weights, eps);
    for (const [gather, tokens] of [
      [false, [0, 1, 2, 3, 4]],
      [true, [4, 1]],
    ] as const) {
      const buffers = {
        step: stepUniform({ tokens: 5, at_outputs: 1 }),
        batch: Int32Array.from([9, 4, 1]),
        hidden: x,
        weights,
        normed: tokens.length * hidden * 4,
      };
      const kernel = await compiled(rmsNormShader({ dtype, hidden, eps, gather, threads: 64 }));
      const runs = [{ kernel, buffers, grid: [tokens.length, 1, 1] as const }];
      const { normed: out } = await runKernels(await gpu(), runs, ['normed']);
      const expected = tokens.flatMap(token => [...normed(token)]);
      expect(relativeError(loaded(dtype, out!, expected.length), expected)).toBeLessThan(TOLERANCE[dtype]);
    }
  });

  test.each([
    { heads: 4, kvHeads: 2, headDim: 8, blockSize: 16, qkNormEps: undefined },
    { heads: 5, kvHeads: 1, headDim: 40, blockSize: 4, qkNormEps: 1e-6 },
  ])('rotary embedding and KV store, $heads/$kvHeads heads of $headDim', async shape => {
    const { heads, kvHeads, headDim, blockSize, qkNormEps } = shape;
    const total = heads + 2 * kvHeads;
    const positions = [0, 5, 30];
    const slots = [7, 2 * blockSize, blockSize + 1];
    const qkv = rounded(dtype, noise(4, 3 * total * headDim));
    const norms = noise(5, 2 * headDim);
    const config = { rope: { theta: 10000 }, headDim, maxModelLen: 31 };
    const cacheSize = 3 * kvHeads * blockSize * headDim;
    const buffers = {
      step: stepUniform({ tokens: 3, at_positions: 0, at_slots: 3 }),
      batch: Int32Array.from([...positions, ...slots]),
      qkv: stored(dtype, qkv),
      angles: ropeTable(config),
      queries: 3 * heads * headDim * 4,
      keys: cacheSize * 4,
      values: cacheSize * 4,
      norms,
    };
    const kernel = await compiled(ropeShader({ dtype, ...shape }));
    const grid = [Math.ceil(total / ropeHeads(headDim)), 3, 1] as const;
    const out = await runKernels(await gpu(), [{ kernel, buffers, grid }], ['queries', 'keys', 'values']);
    const expected = {
      queries: new Float64Array(3 * heads * headDim),
      keys: new Float64Array(cacheSize),
      values: new Float64Array(cacheSize),
    };
    for (const [token, position] of positions.entries()) {
      const slot = slots[token]!;
      for (let head = 0; head < total; head++) {
        const input = qkv.subarray((token * total + head) * headDim, (token * total + head + 1) * headDim);
        const kvHead = (head - heads) % kvHeads;
        const at =
          ((Math.floor(slot / blockSize) * kvHeads + kvHead) * blockSize + (slot % blockSize)) * headDim;
        if (head >= heads + kvHeads) {
          expected.values.set(input, at);
          continue;
        }
        const gain = norms.subarray(head < heads ? 0 : headDim, head < heads ? headDim : 2 * headDim);
        const normed =
          qkNormEps === undefined ? Float64Array.from(input) : naiveRmsNorm(input, gain, qkNormEps);
        const turned = normed.map((value, i) => {
          const half = headDim / 2;
          const angle = position * Math.exp((-2 * (i % half) * Math.log(10000)) / headDim);
          return i < half
            ? value * Math.cos(angle) - normed[i + half]! * Math.sin(angle)
            : value * Math.cos(angle) + normed[i - half]! * Math.sin(angle);
        });
        if (head < heads) expected.queries.set(turned, (token * heads + head) * headDim);
        else expected.keys.set(turned, at);
      }
    }
    for (const name of ['queries', 'keys', 'values'] as const) {
      const actual = loaded(dtype, out[name]!, expected[name].length);
      expect(relativeError(actual, expected[name]), name).toBeLessThan(TOLERANCE[dtype]);
    }
  });

  test('copies of blocks are done in their order', async () => {
    const shape = { dtype, kvHeads: 3, headDim: 24, blockSize: 4 };
    const size = shape.kvHeads * shape.headDim * shape.blockSize;
    const [keys, values] = [rounded(dtype, noise(6, 6 * size)), rounded(dtype, noise(7, 6 * size))];
    // 1 → 2 → 3 passes block 1 on; 0 → 1 comes after it was read.
    const copies = [1, 2, 2, 3, 0, 1];
    const buffers = {
      step: stepUniform({ copies: 3, at_copies: 2 }),
      batch: Int32Array.from([9, 9, ...copies]),
      keys: stored(dtype, keys),
      values: stored(dtype, values),
    };
    const kernel = await compiled(copyBlocksShader(shape));
    const runs = [{ kernel, buffers, grid: [copyGroups(shape), 1, 1] as const }];
    const out = await runKernels(await gpu(), runs, ['keys', 'values']);
    for (const [name, before] of [
      ['keys', keys],
      ['values', values],
    ] as const) {
      const expected = [0, 0, 1, 1, 4, 5].flatMap(block => [
        ...before.subarray(block * size, (block + 1) * size),
      ]);
      expect([...loaded(dtype, out[name]!, 6 * size)]).toEqual(expected);
    }
  });
});

describe('sampling', () => {
  const vocab = 1000;
  const bits = (value: number) => new Int32Array(Float32Array.of(value).buffer)[0]!;

  async function drawn(
    logits: Float32Array,
    draws: readonly { row: number; temperature: number; seed: number; step: number }[],
  ) {
    const words = draws.flatMap(({ row, temperature, seed, step }) => {
      const { a, b } = noiseKey(seed, step);
      return [row, bits(temperature), a | 0, b | 0];
    });
    const buffers = {
      step: stepUniform({ draws: draws.length, at_draws: 1 }),
      batch: Int32Array.from([9, ...words]),
      logits,
      drawn: draws.length * 4,
    };
    const kernel = await compiled(sampleShader({ vocab, threads: 64 }));
    const { drawn: out } = await runKernels(
      await gpu(),
      [{ kernel, buffers, grid: [draws.length, 1, 1] }],
      ['drawn'],
    );
    return [...new Uint32Array(out!, 0, draws.length)];
  }

  test('greedy: the largest, and of equals the lowest id; no token where nothing is a number', async () => {
    const logits = noise(8, 3 * vocab);
    logits[vocab + 700] = logits[vocab + 65] = logits[vocab + 64] = 2;
    logits[3] = 2;
    logits.fill(Number.NaN, 2 * vocab);
    const rows = [1, 0, 2].map(row => ({ row, temperature: 0, seed: 0, step: 0 }));
    expect(await drawn(logits, rows)).toEqual([64, 3, NO_TOKEN]);
  });

  test('with temperature: what the sampler of the CPU draws, wherever in the batch', async () => {
    const logits = noise(9, 2 * vocab).map(value => 3 * value);
    const draws = Array.from({ length: 120 }, (_, i) => ({
      row: i % 2,
      temperature: [0.3, 1, 2.5][i % 3]!,
      seed: i * 7919 + (i % 5) * 2 ** 40,
      step: i % 11,
    }));
    const expected = draws.map(({ row, temperature, seed, step }) => {
      const params = { ...GREEDY, temperature };
      const draw = { row, params, seed, step, prompt: [], output: [], banned: [] };
      return sampleToken(logits.subarray(row * vocab, (row + 1) * vocab), draw).token;
    });
    expect(await drawn(logits, draws)).toEqual(expected);
    expect(await drawn(logits, draws.toReversed())).toEqual(expected.toReversed());
    expect(new Set(expected).size).toBeGreaterThan(60);
  });

  test('draws as often as the softmax says', async () => {
    const logits = new Float32Array(vocab).fill(-30);
    logits.set([1, 0, 2], 500);
    const draws = Array.from({ length: 4000 }, (_, step) => ({ row: 0, temperature: 1, seed: 12345, step }));
    const tokens = await drawn(logits, draws);
    const total = Math.exp(1) + 1 + Math.exp(2);
    for (const [i, logit] of [1, 0, 2].entries()) {
      const share = tokens.filter(token => token === 500 + i).length / draws.length;
      const p = Math.exp(logit) / total;
      // Four standard deviations.
      expect(Math.abs(share - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / draws.length));
    }
  });
});

describe('conversion of weights', () => {
  const values = [0, -0, 1.5, -2.25, 65504, 3e38, -1e30, 6.1e-5, 0.1, 1 / 3, -7, 12];
  const encode: Record<FileDtype, (values: readonly number[]) => Uint8Array> = {
    F32: given => new Uint8Array(Float32Array.from(given).buffer),
    F16: given => new Uint8Array(Uint16Array.from(given, halfBits).buffer),
    BF16: given =>
      new Uint8Array(
        Uint16Array.from(given, value => new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16).buffer,
      ),
  };
  const exact: Record<FileDtype, (value: number) => number> = {
    F32: Math.fround,
    F16: value => rounded('f16', [value])[0]!,
    BF16: value =>
      new Float32Array(
        Uint32Array.of((new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16) << 16).buffer,
      )[0]!,
  };

  test.each([
    ['F32', 'f32'],
    ['F32', 'f16'],
    ['F16', 'f16'],
    ['F16', 'f32'],
    ['BF16', 'f16'],
    ['BF16', 'f32'],
  ] as const)('%s to %s: rows of odd length, padded, at a stride', async (from, dtype) => {
    const given = from === 'F16' ? values.map(value => Math.max(-65504, Math.min(65504, value))) : values;
    // Four rows of three, to every other row from 1 on, of eight elements.
    const params = { rows: 4, columns: 3, units: dtype === 'f16' ? 1 : 2, first_row: 1, row_step: 2 };
    const buffers = {
      convert: Uint32Array.from([...CONVERT_FIELDS.map(field => params[field]), 0, 0, 0]),
      source: encode[from](given),
      target_units: stored(dtype, Array(9 * 8).fill(99)),
    };
    const kernel = await compiled(convertShader(from, dtype));
    const runs = [{ kernel, buffers, grid: convertGrid(4 * params.units) }];
    const { target_units: out } = await runKernels(await gpu(), runs, ['target_units']);
    const expected = Array<number>(9 * 8).fill(99);
    for (let row = 0; row < 4; row++) {
      for (let i = 0; i < 8; i++) {
        const value = i < 3 ? exact[from](given[row * 3 + i]!) : 0;
        expected[(1 + row * 2) * 8 + i] = dtype === 'f16' ? Math.max(-65504, Math.min(65504, value)) : value;
      }
    }
    const actual = loaded(dtype, out!, 72);
    for (let i = 0; i < 72; i++) {
      // WGSL leaves the rounding to f16 open: either neighbour.
      const slack = dtype === 'f16' ? Math.abs(expected[i]!) * 2 ** -10 : 0;
      expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThanOrEqual(slack);
    }
  });
});
