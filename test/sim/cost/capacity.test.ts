import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { GiB } from '../../../src/core/units.ts';
import { type CapacityOptions, kvCapacity } from '../../../src/sim/cost/capacity.ts';
import { findGpu } from '../../../src/sim/hardware/catalogue.ts';
import { findModel } from '../../../src/sim/models/catalogue.ts';

function capacity(model: string, gpu: string, change: Partial<CapacityOptions> = {}) {
  return kvCapacity({
    model: findModel(model)!,
    gpu: findGpu(gpu)!,
    tensorParallel: 1,
    weights: 'fp16',
    kv: 'fp16',
    gpuMemoryUtilization: 0.9,
    maxNumBatchedTokens: 2048,
    maxNumSeqs: 256,
    compiles: true,
    ...change,
  });
}

describe('KV capacity against published figures', () => {
  test('RTX 4090, Llama-3.1-8B: vLLM 0.19 finds 2,588 blocks of 16; within 3 %', () => {
    const gpu = { ...findGpu('rtx-4090')!, memory: 25_250_627_584 };
    const blocks = Math.floor(capacity('llama-3.1-8b', 'rtx-4090', { gpu }).slots / 16);
    expect(Math.abs(blocks / 2588 - 1)).toBeLessThan(0.03);
  });

  test('LLaMA-13B on an A100 of 40 GB: 15.7K slots for OPT-13B in the vLLM paper; within 25 %', () => {
    for (const model of ['llama-13b', 'opt-13b']) {
      expect(Math.abs(capacity(model, 'a100-40g').slots / 15_728 - 1), model).toBeLessThan(0.25);
    }
  });
});

describe('where the memory goes', () => {
  test('the parts sum to what may be used', () => {
    const { usable, weights, activations, context, kv, total } = capacity('llama-2-7b', 'a100-80g');
    expect(weights + activations + context + kv).toBeCloseTo(usable, -1);
    expect(usable).toBeCloseTo(0.9 * total, -1);
  });

  test('more slots with: a larger share, smaller weights, smaller KV, more GPUs, smaller steps, no compiler', () => {
    const base = capacity('llama-3.1-8b', 'rtx-4090').slots;
    const better: Partial<CapacityOptions>[] = [
      { gpuMemoryUtilization: 0.95 },
      { weights: 'fp8' },
      { kv: 'fp8' },
      { tensorParallel: 2 },
      { compiles: false },
    ];
    for (const change of better)
      expect(capacity('llama-3.1-8b', 'rtx-4090', change).slots).toBeGreaterThan(base);
    expect(capacity('llama-3.1-8b', 'rtx-4090', { maxNumBatchedTokens: 32_768 }).slots).toBeLessThan(base);
    expect(capacity('llama-3.1-8b', 'rtx-4090', { kv: 'fp8' }).slots).toBeCloseTo(2 * base, -1);
  });
});

describe('what a start measures', () => {
  const large = { maxNumBatchedTokens: 8192, maxNumSeqs: 1024 };
  const activations = (model: string, change: Partial<CapacityOptions> = {}) =>
    capacity(model, 'h100', { ...large, gpuMemoryUtilization: 0.95, tensorParallel: 2, ...change })
      .activations / GiB;

  test('the sampler on 1,024 sequences, of the whole vocabulary on every GPU: 1.89 and 2.21 GiB in logs', () => {
    for (const tensorParallel of [1, 2, 4]) {
      expect(activations('llama-3.1-8b', { tensorParallel })).toBeCloseTo(1.89, 1);
      expect(activations('qwen2.5-7b', { tensorParallel })).toBeCloseTo(2.21, 1);
    }
  });

  test('before 0.17 it sorted: 4.76, 5.56 and 5.64 GiB', () => {
    const profiler = 'vllm-0.16';
    expect(activations('llama-3.1-8b', { profiler })).toBeCloseTo(4.76, 1);
    expect(activations('qwen3-0.6b', { profiler })).toBeCloseTo(5.56, 1);
    expect(activations('qwen3-32b', { profiler })).toBeCloseTo(5.64, 1);
  });

  test('experts keep a workspace: 1.21 GiB for Mixtral on two GPUs', () => {
    expect(activations('mixtral-8x7b')).toBeCloseTo(1.21, 1);
  });

  test('few sequences: the compiler, with a second table of tokens, unless there is none', () => {
    const small = { tensorParallel: 1, maxNumBatchedTokens: 2048, maxNumSeqs: 256 };
    const table = (128_256 * 4096 * 2) / GiB;
    expect(activations('llama-3.1-8b', small)).toBeGreaterThan(table);
    expect(activations('llama-3.1-8b', { ...small, compiles: false })).toBeLessThan(table);
  });

  test('communication buffers: most with NVLink switches that reduce, least over PCIe', () => {
    const context = (gpu: string) =>
      capacity('llama-3.1-8b', gpu, { tensorParallel: 2 }).context - capacity('llama-3.1-8b', gpu).context;
    expect(context('h100')).toBeGreaterThan(context('a100-80g'));
    expect(context('a100-80g')).toBeGreaterThan(context('rtx-4090'));
    expect(context('rtx-4090')).toBeGreaterThan(0);
  });
});

describe('a model that does not fit', () => {
  const error = (model: string, gpu: string, change: Partial<CapacityOptions> = {}) => {
    try {
      capacity(model, gpu, change);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(UsageError);
      return (thrown as UsageError).message;
    }
    throw new Error('it fits');
  };

  test('the error says what takes the memory, and what would fit', () => {
    const message = error('llama-2-70b', 'a100-80g');
    expect(message).toMatch(/llama-2-70b does not fit on 1 × a100-80g: 12\d\.\d GiB of weights/);
    expect(message).toContain('--tensor-parallel 2');
    expect(message).toMatch(/--gpu \S+/);
    expect(message).toContain('--weights fp8');
  });

  test('what it advises does fit', () => {
    for (const [model, gpu] of [
      ['llama-2-70b', 'a100-80g'],
      ['llama-13b', 'rtx-4090'],
      ['llama-3.1-70b', 'h100'],
      ['opt-66b', 'a100-40g'],
    ] as const) {
      const message = error(model, gpu);
      const tp = /--tensor-parallel (\d+)/.exec(message);
      if (tp) expect(capacity(model, gpu, { tensorParallel: Number(tp[1]) }).slots).toBeGreaterThan(0);
      const larger = /--gpu (\S+)/.exec(message);
      if (larger) expect(capacity(model, larger[1]!).slots).toBeGreaterThan(0);
      const weights = /--weights (fp8|int4)/.exec(message);
      if (weights) {
        const precision = weights[1] as 'fp8' | 'int4';
        expect(capacity(model, gpu, { weights: precision }).slots).toBeGreaterThan(0);
      }
      expect(tp ?? larger ?? weights, message).toBeTruthy();
    }
  });

  test('when no single change is enough, it says so', () => {
    expect(error('opt-175b', 'rtx-4090')).toMatch(/no single change|--weights|--gpu|--tensor-parallel/);
  });
});
