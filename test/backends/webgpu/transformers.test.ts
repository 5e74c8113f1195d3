import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from '../../../src/backends/model/load.ts';
import { openSafetensors } from '../../../src/backends/model/safetensors.ts';
import { WebGpuRunner } from '../../../src/backends/webgpu/runner.ts';
import { batchOf, type TestSequence } from './batches.ts';
import { relativeError } from './naive.ts';
import { softwareGpu } from './software-gpu.ts';

const gpu = softwareGpu();
const fixtures = join(import.meta.dirname, '../fixtures');

/** Random models of each architecture, and the logits that Hugging Face Transformers computes of them in f64. */
const ARCHITECTURES = ['llama', 'llama-rope-scaling', 'mistral', 'qwen2', 'qwen3'];
const TOLERANCES = [
  ['f32', 1e-3],
  ['f16', 1e-2],
] as const;

const CASES = ARCHITECTURES.flatMap(name =>
  TOLERANCES.map(([dtype, tolerance]) => [name, dtype, tolerance] as const),
);

/** What a difference of log-probabilities is measured by: that of logits, which they are but for a constant. */
function logprobs(logits: readonly number[]): number[] {
  const most = Math.max(...logits);
  const norm = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
  return logits.map(logit => logit - norm);
}

test.each(CASES)('%s in %s: the logits of Transformers, to %d', async (name, dtype, tolerance) => {
  const folder = join(fixtures, name);
  const config = await readConfig(folder, ['config.json']);
  const weights = await openSafetensors([join(folder, 'model.safetensors')]);
  const options = {
    dtype,
    blockSize: 4,
    numBlocks: 16,
    maxBatchedTokens: 32,
    maxSeqs: 2,
    compileAhead: false,
  };
  const runner = await WebGpuRunner.create(await gpu(), config, weights, options);
  await weights.close();
  const { inputIds, logits } = JSON.parse(readFileSync(join(folder, 'logits.json'), 'utf8')) as {
    inputIds: number[];
    logits: number[][];
  };
  const sequences: TestSequence[] = [0, 1].map(which => ({
    tokens: inputIds,
    blocks: Array.from({ length: 8 }, (_, i) => ((i * 3) % 8) * 2 + which),
    computed: 0,
  }));
  // A prefill beside a chunk, a decode beside a longer chunk, decodes.
  for (const counts of [
    [13, 5],
    [1, 17],
    [8, 1],
    [1, 1],
  ] as const) {
    const draw = { params: { logprobs: config.vocab } };
    const batch = batchOf(
      sequences.map((sequence, i) => ({ sequence, count: counts[i]!, draw })),
      4,
    );
    for (const [i, { top }] of (await runner.run(batch)).entries()) {
      const expected = logits[sequences[i]!.computed - 1]!;
      const found = Array<number>(config.vocab);
      for (const [token, logprob] of top!) found[token] = logprob;
      const scale = Math.max(...expected.map(Math.abs));
      const most = Math.max(...logprobs(expected).map(Math.abs));
      expect((relativeError(found, logprobs(expected)) * most) / scale).toBeLessThan(tolerance);
    }
  }
  runner.dispose();
});
