import { describe, expect, test } from 'vitest';
import { engineOf } from '../../src/validation/vendor/engines.ts';
import { groundTruth } from '../../src/validation/vendor/ground-truth.ts';
import { type BenchmarkRow, benchmarkFolder } from './benchmark-folder.ts';

const read = (...rows: BenchmarkRow[]) => groundTruth(benchmarkFolder(rows), () => true);

describe('engines', () => {
  test.each([
    ['vLLM', '', 'vllm'],
    ['vllm', '0.24.0', 'vllm'],
    ['trtllm', '1.0.0rc3', 'trtllm'],
    ['TensorRT-LLM', '1.0', 'trtllm'],
    ['TensorRT-LLM', '0.17', 'trtllm-cpp'],
    ['TensorRT-LLM+Triton backend', '0.14.0', 'trtllm-cpp'],
    ['TensorRT-LLM (pytorch)', '0.20', 'trtllm'],
    ['SGLang', '0.5.10', 'sglang'],
    ['nano-vLLM', '2025', 'nano-vllm'],
  ])('%s %s is %s', (label, version, name) => {
    expect(engineOf(label, version)?.name).toBe(name);
  });

  test.each([
    ['vLLM', '0.6.0(steps=10)'],
    ['SGLang', '0.3.0'],
    ['LMDeploy', '0.7'],
    ['constructor', ''],
  ])('%s %s is not modelled', (label, version) => {
    expect(engineOf(label, version)).toBeUndefined();
  });

  test('rows of an unknown one are left out by its name', async () => {
    const { rows, leftOut } = await read({ engine: 'LMDeploy', version: '0.7' }, { engine: 'LMDeploy' }, {});
    expect(rows).toHaveLength(1);
    expect(leftOut.notes).toEqual([
      '1 row left out: engine LMDeploy 0.7 is not known',
      '1 row left out: engine LMDeploy is not known',
    ]);
  });
});

describe('weights', () => {
  test.each([
    ['bf16?', 'Llama-3.1-8B', 'fp16'],
    ['', 'Llama-3.1-8B', 'fp16'],
    ['FP8', 'Llama-3.1-8B', 'fp8'],
    ['', 'Llama-3.1-8B-FP8', 'fp8'],
    ['int4_wo', 'Llama-3.1-8B', 'int4'],
    ['awq', 'Llama-3.1-8B', 'int4'],
    ['int8_wo', 'Llama-3.1-8B', 'int8'],
  ])('%s of %s are %s', async (precision, model, weights) => {
    const { rows } = await read({ precision, model });
    expect(rows[0]?.config.weights).toBe(weights);
  });

  test.each([
    ['nvfp4', 'Llama-3.1-8B', 'nvfp4'],
    ['', 'Llama-3.1-8B-NVFP4', 'NVFP4'],
    ['bf16?', 'Llama-3.1-8B-Instruct-FP4', 'FP4'],
    ['w4a8', 'Llama-3.1-8B', 'w4a8'],
    ['', 'Llama-3.1-8B-quantized.w8a8', 'w8a8'],
    ['constructor', 'Llama-3.1-8B', 'constructor'],
  ])('%s of %s are left out, not taken for 16 bits', async (precision, model, named) => {
    const { rows, leftOut } = await read({ precision, model });
    expect(rows).toEqual([]);
    expect(leftOut.notes).toEqual([`1 row left out: weights in ${named} are not modelled`]);
  });
});

test.each([
  [{ value: '' }, 'value (empty) is no figure above 0'],
  [{ value: 0 }, 'value 0 is no figure above 0'],
  [{ value: 'n/a' }, 'value n/a is no figure above 0'],
  [{ gpus: '' }, 'no GPUs is no number of GPUs'],
  [{ gpus: 0.5 }, '0.5 GPUs is no number of GPUs'],
  [{ isl: 0 }, 'lengths 0/8 are no numbers'],
])('no figure comes of %j', async (row, why) => {
  const { rows, leftOut } = await read(row, row);
  expect(rows).toEqual([]);
  expect(leftOut.notes).toEqual([`2 rows left out: ${why}`]);
});
