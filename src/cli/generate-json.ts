import { slotKinds } from '../core/kv-memory.ts';
import type { Seconds } from '../core/units.ts';
import { kvBytesPerToken } from '../engine/create-runner.ts';
import type { CompletionOutput, RequestOutput } from '../engine/outputs.ts';
import { quantile } from '../sim/statistics.ts';
import { commandLine } from './command-line.ts';
import type { GenerateRun } from './generate-run.ts';
import { version } from './version.ts';

/** What `generate` prints with `--json` and writes with `--out`: keys in vLLM's names, times in seconds. */
export function generateDocument(run: GenerateRun) {
  return {
    quire: { version, command: commandLine() },
    model: run.source.name,
    backend: run.chosen.backend,
    device: run.chosen.device,
    dtype: run.chosen.dtype,
    policy: run.policy.name,
    outputs: run.outputs.map(output => outputOf(output, startOf(run))),
    summary: summaryOf(run),
  };
}

function startOf({ outputs }: GenerateRun): Seconds {
  return Math.min(...outputs.map(({ metrics }) => metrics.arrival));
}

function outputOf({ prompt, promptTokenIds, outputs, metrics }: RequestOutput, start: Seconds) {
  const { arrival, firstScheduled, firstToken, lastToken, finished, preemptions, cachedTokens } = metrics;
  return {
    prompt: prompt ?? null,
    prompt_token_ids: promptTokenIds,
    outputs: outputs.map(sampleOf),
    // JSON has no NaN: null where it did not come to that.
    metrics: {
      queue_s: firstScheduled - arrival,
      ttft_s: firstToken - arrival,
      e2el_s: finished - arrival,
      first_scheduled_s: firstScheduled - start,
      first_token_s: firstToken - start,
      last_token_s: lastToken - start,
      finished_s: finished - start,
      preemptions,
      cached_tokens: cachedTokens,
    },
  };
}

function sampleOf(sample: CompletionOutput) {
  const { index, text, tokenIds, finishReason, stopReason, cumulativeLogprob, logprobs } = sample;
  return {
    index,
    text,
    token_ids: tokenIds,
    finish_reason: finishReason,
    stop_reason: stopReason ?? null,
    ...(logprobs && {
      cumulative_logprob: cumulativeLogprob,
      logprobs: logprobs.map(({ tokenId, logprob, top }) => ({ token_id: tokenId, logprob, top })),
    }),
  };
}

function summaryOf(run: GenerateRun) {
  const { summary, llm, rates, loadTime } = run;
  const { memory } = summary;
  return {
    load_s: loadTime,
    duration_s: summary.seconds,
    median_ttft_s: medianTtft(run),
    prompt_tokens: summary.promptTokens,
    output_tokens: summary.outputTokens,
    output_throughput: summary.outputThroughput,
    total_token_throughput: summary.totalThroughput,
    prefill_throughput: rates.prefill ?? null,
    decode_throughput: rates.decode ?? null,
    steps: summary.steps,
    mean_batch_size: summary.meanBatch,
    preemptions: summary.preemptions,
    recomputed_tokens: summary.recomputedTokens,
    cached_tokens: summary.cachedTokens,
    max_model_len: llm.limits.maxModelLen,
    block_size: llm.limits.blockSize,
    num_gpu_blocks: llm.engine.runner.numBlocks,
    kv_capacity_tokens: memory.capacity,
    kv_capacity_bytes: kvBytes(run),
    kv_peak_tokens: memory.peakTokens,
    memory: memory.shares,
    waste: wasteOf(run),
  };
}

export function kvBytes({ llm, chosen, summary }: GenerateRun): number {
  return kvBytesPerToken(llm.config, chosen.dtype === 'f16' ? 2 : 4) * summary.memory.capacity;
}

/** Memory that somebody holds. */
export const claimedKinds = slotKinds.filter(kind => kind !== 'free' && kind !== 'cached');

/** Share of the claimed KV memory that held no token. */
function wasteOf({ summary: { memory } }: GenerateRun): number {
  const sum = claimedKinds.reduce((total, kind) => total + memory.shares[kind], 0);
  return sum > 0 ? 1 - memory.shares.token / sum : 0;
}

export function medianTtft({ outputs }: GenerateRun): Seconds {
  return quantile(
    Float64Array.from(outputs, ({ metrics }) => metrics.firstToken - metrics.arrival).sort(),
    0.5,
  );
}
