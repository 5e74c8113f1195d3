import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readBytes } from '../../../src/cli/files.ts';
import { calibrate } from '../../../src/sim/calibrate/calibrate.ts';
import { contentOf } from '../../../src/sim/calibrate/content.ts';
import { readMeasured } from '../../../src/sim/calibrate/measured.ts';
import { Replay } from '../../../src/sim/calibrate/replay.ts';
import { openTrace } from '../../../src/sim/workload/trace/detect.ts';
import { realTrace } from '../../support/cli.ts';
import { setupOf } from './support.ts';

/** vLLM 0.19 on an RTX 4090, as LLMServingSim's authors measured it (ShareGPT, 300 requests, 10 a second). */
test('the recorded run of an RTX 4090: every latency within 2 % after calibration', async () => {
  const trace = realTrace('sharegpt-llama-3.1-8b-300-sps10.jsonl.gz');
  const file = resolve(trace, '../../vllm-runs/RTX4090_Llama-3.1-8B_vllm_requests.csv');
  if (!existsSync(file))
    throw new Error(`${file} is absent: set QUIRE_DATA to the folder that holds vllm-runs`);
  const setup = setupOf({
    policy: ['vllm'],
    model: 'llama-3.1-8b',
    gpu: 'rtx-4090',
    max_num_batched_tokens: 2048,
    max_num_seqs: 256,
    max_model_len: 32768,
    num_gpu_blocks_override: 2588,
  });
  const run = await readMeasured(readBytes(file), 'run');
  expect(run.requests).toHaveLength(300);
  const content = await contentOf(run, {
    caching: true,
    fileName: 'run',
    trace: await openTrace(readBytes(trace), { fileName: 'trace', content: true }),
  });
  const replay = new Replay(run, setup, { maxTokens: ({ outputTokens }) => outputTokens[0]!, content });
  const { errors, parameters } = calibrate(run, replay, { fit: ['per_step'], seed: 0 });
  for (const metric of ['ttft', 'tpot', 'e2el'] as const) {
    for (const figure of ['mean', 'p50', 'p99'] as const) {
      expect(Math.abs(errors.after[metric][figure]), `${metric} ${figure}`).toBeLessThan(0.02);
    }
  }
  // Seconds that no kernel explains, and less than a step takes.
  expect(parameters[0]!.value).toBeLessThan(5e-3);
});
