import { describe, expect, test } from 'vitest';
import { contents, folder, succeed } from '../support/cli.ts';

const names = {
  policies:
    'hf-static deepspeed-static faster-transformer orca-max orca-pow2 orca-oracle tgi-0.8 vllm-v0 vllm sarathi fastgen sglang tgi-3 nano-vllm',
  gpus: 'a100-40g a100-80g a10g h100 h200 b200 rtx-pro-6000 l40s l4 rtx-4090 t4 mi300x',
  models:
    'llama-7b llama-13b llama-2-7b llama-2-13b llama-2-70b llama-3.1-8b llama-3.1-70b llama-3.2-1b llama-3.2-3b opt-13b opt-66b opt-175b mistral-7b mixtral-8x7b qwen2.5-7b qwen3-8b qwen3-30b-a3b',
};

describe.each(Object.entries(names))('quire %s', (command, text) => {
  test('is a table with a line for each, at most 100 columns wide', async () => {
    const cwd = folder();
    const [head, ...rows] = (await succeed([command], { cwd })).trimEnd().split('\n');
    expect(rows.map(row => row.split(' ')[0])).toEqual(expect.arrayContaining(text.split(' ')));
    expect([head!, ...rows].filter(line => line.length > 100)).toEqual([]);
    expect(contents(cwd)).toEqual({});
  });

  test('--json has the same names, and the source of each', async () => {
    const entries = JSON.parse(await succeed([command, '--json'], { cwd: folder() }))[command];
    expect(entries.map((entry: { name: string }) => entry.name)).toEqual(
      expect.arrayContaining(text.split(' ')),
    );
    for (const entry of entries) expect(JSON.stringify(entry), entry.name).toMatch(/"sources?":/);
  });

  test('--json has keys in the style of the settings and results', async () => {
    const keys = new Set<string>();
    const visit = (value: unknown) => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, inner] of Object.entries(value)) {
        if (!Array.isArray(value)) keys.add(key);
        visit(inner);
      }
    };
    visit(JSON.parse(await succeed([command, '--json'], { cwd: folder() })));
    expect([...keys].filter(key => /[A-Z]/.test(key))).toEqual([]);
  });
});

test('every name of the catalogues can be run with', async () => {
  const cwd = folder();
  for (const [gpu, model] of [
    ['t4', 'llama-3.2-1b'],
    ['mi300x', 'mixtral-8x7b'],
    ['rtx-4090', 'qwen3-8b'],
  ] as const) {
    const args = [
      '--policy',
      'nano-vllm,tgi-3',
      '--num-prompts',
      '5',
      '--replications',
      '1',
      '--max-model-len',
      '2048',
    ];
    const stdout = await succeed(['compare', '--gpu', gpu, '--model', model, ...args], { cwd });
    expect(stdout.split('\n')[0]).toBe(`${model} on ${gpu} · sharegpt, all at once · 5 requests`);
  }
});
