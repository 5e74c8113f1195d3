import type { TokenBatch } from '../../src/backends/model-runner.ts';
import type { KernelTime } from '../../src/backends/webgpu/pass-profile.ts';
import type { WebGpuRunner } from '../../src/backends/webgpu/runner.ts';
import { benchBatch, kvBytes, prefillFlops, weightBytes } from './gpu-model.ts';

const seconds = () => performance.now() / 1000;

export interface StepTimes {
  /** From one answer to the next: median, each step asked for when the one before has answered. */
  readonly awaited: number;
  /** The same with two steps in flight. */
  readonly inFlight: number;
  readonly kernels: readonly KernelTime[];
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** @param budget seconds that each of the two measurements takes at most, beyond its first five steps. */
async function timeSteps(runner: WebGpuRunner, batch: TokenBatch, budget: number): Promise<StepTimes> {
  await runner.run(batch);
  await runner.run(batch);
  const times: number[] = [];
  const begin = seconds();
  while (times.length < 5 || (times.length < 100 && seconds() - begin < budget)) {
    const start = seconds();
    await runner.run(batch);
    times.push(seconds() - start);
  }
  const gaps: number[] = [];
  let ahead = runner.run(batch);
  let last: number | undefined;
  for (let i = 0; i <= times.length; i++) {
    const next = runner.run(batch);
    await ahead;
    const now = seconds();
    if (last !== undefined) gaps.push(now - last);
    last = now;
    ahead = next;
  }
  await ahead;
  await runner.profile(batch);
  return { awaited: median(times), inFlight: median(gaps), kernels: await runner.profile(batch) };
}

export interface DecodeResult extends StepTimes {
  readonly batch: number;
  readonly context: number;
  readonly tokensPerSecond: number;
  /** Of the bytes that a step must read, in the time it took, beside a copy. */
  readonly shareOfBandwidth: number;
}

/** Every sequence has `context` positions once the step is done; their KV is really computed. */
export async function measureDecode(
  runner: WebGpuRunner,
  sequences: number,
  context: number,
  bandwidth: number,
): Promise<DecodeResult> {
  const { config, blockSize } = runner;
  const rows = Array.from({ length: sequences }, () => ({ computed: context - 1, count: 1 }));
  await fill(runner, sequences, context);
  const times = await timeSteps(runner, benchBatch(rows, blockSize, config.vocab), 1);
  const bytes = weightBytes(config) + sequences * kvBytes(config, context);
  return {
    batch: sequences,
    context,
    tokensPerSecond: sequences / times.awaited,
    shareOfBandwidth: bytes / times.awaited / bandwidth,
    ...times,
  };
}

/** Computes the KV of all sequences, a few at a time, on the blocks that the decode batch has for them. */
async function fill(runner: WebGpuRunner, sequences: number, context: number): Promise<void> {
  const { config, blockSize } = runner;
  const all = benchBatch(
    Array.from({ length: sequences }, () => ({ computed: 0, count: context })),
    blockSize,
    config.vocab,
    3,
  );
  const together = Math.max(1, Math.floor(2048 / context));
  for (let row = 0; row < sequences; row += together) {
    const to = Math.min(sequences, row + together);
    const [begin, end] = [all.rowStarts[row]!, all.rowStarts[to]!];
    await runner.run({
      ...all,
      tokens: all.tokens.slice(begin, end),
      positions: all.positions.slice(begin, end),
      slots: all.slots.slice(begin, end),
      rowStarts: all.rowStarts.slice(row, to + 1).map(start => start - begin),
      contexts: all.contexts.slice(row, to),
      tables: all.tables.slice(row * all.tableWidth, to * all.tableWidth),
      draws: [],
    });
  }
}

export interface PrefillResult extends StepTimes {
  readonly tokens: number;
  /** 10¹² operations a second, of the matrices and causal attention. */
  readonly teraflops: number;
}

export async function measurePrefill(runner: WebGpuRunner, tokens: number): Promise<PrefillResult> {
  const { config, blockSize } = runner;
  const batch = benchBatch([{ computed: 0, count: tokens }], blockSize, config.vocab);
  const times = await timeSteps(runner, batch, 1.5);
  const { linear, attention } = prefillFlops(config, tokens);
  return { tokens, teraflops: (linear + attention) / times.awaited / 1e12, ...times };
}
