import { describe, expect, test } from 'vitest';
import { gpus } from '../../../src/sim/hardware/catalogue.ts';
import { meansGpu, sameModel } from '../../../src/sim/kernels/names.ts';
import { systems } from '../../../src/sim/kernels/systems.ts';

const meantBy = (label: string) => gpus.filter(gpu => meansGpu(label, gpu)).map(({ name }) => name);

describe('what a label says of a GPU', () => {
  test('names and titles of the catalogue mean their own GPU and no other', () => {
    for (const { name, title } of gpus) {
      expect(meantBy(name)).toEqual([name]);
      expect(meantBy(title)).toEqual([name]);
    }
    for (const system of new Set(Object.values(systems))) {
      expect(meantBy(system.name)).toEqual([system.measured]);
    }
  });

  test.each([
    ['NVIDIA A100-SXM4-80GB', 'a100-80g'],
    ['NVIDIA A100-SXM4-40GB', 'a100-40g'],
    ['A100-SXM-80GB', 'a100-80g'],
    ['A100-80GB', 'a100-80g'],
    ['a100-80gb', 'a100-80g'],
    ['a100_40g', 'a100-40g'],
    ['A100 40 GB', 'a100-40g'],
    ['A100', 'a100-80g'],
    ['a100_sxm', 'a100-80g'],
    ['H100', 'h100'],
    ['h100_sxm', 'h100'],
    ['H100-SXM-80GB', 'h100'],
    ['H100 SXM5', 'h100'],
    ['NVIDIA H100 80GB HBM3', 'h100'],
    ['NVIDIA H200', 'h200'],
    ['H200-SXM-141GB', 'h200'],
    ['NVIDIA B200', 'b200'],
    ['B200-192GB', 'b200'],
    ['RTX4090', 'rtx-4090'],
    ['rtx4090', 'rtx-4090'],
    ['RTX4090-24GB', 'rtx-4090'],
    ['NVIDIA GeForce RTX 4090', 'rtx-4090'],
    ['RTXPRO6000', 'rtx-pro-6000'],
    ['RTX_PRO_6000', 'rtx-pro-6000'],
    ['RTX PRO 6000 96GB', 'rtx-pro-6000'],
    ['rtx_pro_6000_server', 'rtx-pro-6000'],
    ['NVIDIA RTX PRO 6000 Blackwell Server Edition', 'rtx-pro-6000'],
    ['NVIDIA L40S', 'l40s'],
    ['L40S-48GB', 'l40s'],
    ['L4', 'l4'],
    ['NVIDIA L4 24GB', 'l4'],
    ['NVIDIA A10G', 'a10g'],
    ['Tesla T4', 't4'],
    ['T4-16GB', 't4'],
    ['AMD Instinct MI300X', 'mi300x'],
    ['MI300X-192GB OAM', 'mi300x'],
  ])('%s is %s', (label, gpu) => {
    expect(meantBy(label)).toEqual([gpu]);
  });

  test.each([
    'L40',
    'H20',
    'H2',
    'A10',
    'A1',
    'A100G',
    'NVIDIA A100-PCIE-40GB',
    'NVIDIA A100 80GB PCIe',
    'NVIDIA A100-SXM-64GB',
    'NVIDIA H100 PCIe',
    'NVIDIA H100 NVL',
    'H100-94GB',
    'NVIDIA H200 NVL',
    'NVIDIA GH200 480GB',
    'NVIDIA GB200',
    'H800',
    'NVIDIA GeForce RTX 4090 D',
    'RTX 4090 Laptop GPU',
    'RTX4070-Laptop-8GB',
    'RTX 4080',
    'NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition',
    'NVIDIA RTX 6000 Ada Generation',
    'NVIDIA RTX A6000',
    'NVIDIA RTX PRO 60000',
    'MI325X',
    '80GB',
    'NVIDIA',
    '',
  ])('%s is none of the catalogue', label => {
    expect(meantBy(label)).toEqual([]);
  });
});

test('names of models as people write them', () => {
  expect(sameModel('meta-llama/Llama-3.1-8B', 'meta-llama_Llama-3.1-8B')).toBe(true);
  expect(sameModel('meta-llama/Llama-3.1-8B', 'nvidia/Llama-3.1-8B-Instruct-FP8')).toBe(true);
  expect(sameModel('meta-llama/Llama-3.1-8B', 'RedHatAI/Meta-Llama-3.1-8B-FP8-dynamic')).toBe(true);
  expect(sameModel('mistralai/Mixtral-8x7B-v0.1', 'Mixtral-8x7B')).toBe(true);
  expect(sameModel('Qwen/Qwen3-30B-A3B', 'Qwen/Qwen3-30B-A3B-Instruct-2507')).toBe(true);
  expect(sameModel('meta-llama/Llama-3.1-8B', 'meta-llama/Llama-3.1-70B')).toBe(false);
});
