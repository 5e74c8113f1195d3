import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureBandwidth } from '../../src/backends/webgpu/bandwidth.ts';
import { GpuDevice } from '../../src/backends/webgpu/device.ts';
import { linearOps } from '../../src/backends/webgpu/kernel-set.ts';
import type { Preference } from '../../src/backends/webgpu/linear/linear-variants.ts';
import { WebGpuRunner } from '../../src/backends/webgpu/runner.ts';
import { preferenceOf, type Tuning, tune } from '../../src/backends/webgpu/tune.ts';
import { MiB } from '../../src/core/units.ts';
import { type Check, checkKernels } from './gpu-check.ts';
import { LLAMA_2_7B } from './gpu-model.ts';
import { type ServeResult, serve, serveLengths } from './gpu-serve.ts';
import { type DecodeResult, measureDecode, measurePrefill, type PrefillResult } from './gpu-steps.ts';
import { type SweepResult, sweep } from './gpu-sweep.ts';

const { values: args } = parseArgs({
  options: {
    /** Bounds checks on (safe) or off (unsafe). */
    modes: { type: 'string', default: 'safe,unsafe' },
    /** Of: check, sweep, steps, tune (steps after it are with its choices), serve. */
    parts: { type: 'string', default: 'check,steps,serve' },
    /** MiB that the copy moves. */
    copy: { type: 'string', default: '1024' },
    toggles: { type: 'string', default: '' },
    batches: { type: 'string', default: '1,8,64' },
    /** Of the sweep: decode at these batches, prefill. */
    rows: { type: 'string', default: '1,4,8,16,32,64,128,256,2048' },
    layers: { type: 'string', default: '32' },
    requests: { type: 'string', default: '256' },
    out: { type: 'string' },
    /** Writes the lengths of the requests, for other engines, and does no more. */
    lengths: { type: 'string' },
  },
});

interface ModeResult {
  readonly mode: string;
  readonly adapter: string;
  /** Bytes per second, read plus written. */
  copyBandwidth?: number;
  checks?: readonly Check[];
  sweep?: readonly SweepResult[];
  tuning?: { readonly seconds: number; readonly tuning: Tuning };
  loadSeconds?: number;
  decode?: DecodeResult[];
  prefill?: PrefillResult;
  serve?: ServeResult;
}

const parts = new Set(args.parts.split(','));
const config = { ...LLAMA_2_7B, layers: Number(args.layers) };
const now = () => performance.now() / 1000;
const results: ModeResult[] = [];

function save(): void {
  if (args.out) writeFileSync(args.out, `${JSON.stringify(results, null, 1)}\n`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function measure(mode: string): Promise<void> {
  const toggles = args.toggles.split(',').filter(Boolean);
  const gpu = await GpuDevice.open({ unsafeFast: mode === 'unsafe', toggles });
  const result: ModeResult = { mode, adapter: gpu.name };
  results.push(result);
  try {
    const bandwidth = (result.copyBandwidth = await measureBandwidth(gpu, Number(args.copy) * MiB, now));
    say(`== ${mode} on ${gpu.name}: copies ${(bandwidth / 1e12).toFixed(2)} TB/s`);
    if (parts.has('check')) {
      result.checks = await checkKernels(gpu);
      const wrong = result.checks.filter(({ right }) => !right);
      const most = Math.max(...result.checks.map(({ error }) => error));
      say(
        `check: ${result.checks.length} kernels, largest error ${most.toExponential(1)}, ${wrong.length} wrong`,
      );
      for (const { kernel, error } of wrong) say(`  WRONG ${kernel}: ${error.toExponential(2)}`);
      if (wrong.length > 0) process.exitCode = 1;
    }
    save();
    if (parts.has('sweep')) {
      result.sweep = await sweep(gpu, config, args.rows.split(',').map(Number), now);
      for (const { op, rows, times } of result.sweep) {
        say(`${op} rows ${rows}`);
        for (const { variant, seconds, bytesPerSecond, flops } of times)
          say(
            `  ${variant.padEnd(34)} ${(seconds * 1e6).toFixed(1)} us ${(bytesPerSecond / 1e12).toFixed(2)} TB/s ${(flops / 1e12).toFixed(1)} TFLOP/s`,
          );
      }
    }
    save();
    let prefer: Preference | undefined;
    if (parts.has('tune')) {
      const begin = now();
      const ops = linearOps({ config, dtype: 'f16', blockSize: 16 });
      const tuning = await tune(gpu, ops, { tokens: 2048, outputs: 256 }, now);
      result.tuning = { seconds: now() - begin, tuning };
      say(`tuned in ${result.tuning.seconds.toFixed(1)} s: ${JSON.stringify(tuning)}`);
      prefer = preferenceOf(tuning);
    }
    if (parts.has('steps')) await measureSteps(gpu, result, bandwidth, prefer);
    save();
    if (parts.has('serve')) {
      result.serve = await serve(gpu, config, Number(args.requests), prefer);
      say(`serve: ${JSON.stringify(result.serve)}`);
    }
  } finally {
    save();
    gpu.destroy();
  }
}

async function measureSteps(
  gpu: GpuDevice,
  result: ModeResult,
  bandwidth: number,
  prefer: Preference | undefined,
): Promise<void> {
  const batches = args.batches.split(',').map(Number);
  const begin = now();
  const runner = await WebGpuRunner.create(gpu, config, 'dummy', {
    numBlocks: Math.max(128, ...batches.map(batch => batch * 32)),
    maxBatchedTokens: 2048,
    maxSeqs: 256,
    prefer,
  });
  result.loadSeconds = now() - begin;
  say(`runner: ${result.loadSeconds.toFixed(1)} s`);
  try {
    result.decode = [];
    for (const batch of batches) {
      const decode = await measureDecode(runner, batch, 512, bandwidth);
      result.decode.push(decode);
      say(
        `decode ${batch} x 512: ${decode.tokensPerSecond.toFixed(0)} tok/s, ${(decode.awaited * 1e3).toFixed(2)} ms a step, ${(decode.inFlight * 1e3).toFixed(2)} with two in flight, ${(100 * decode.shareOfBandwidth).toFixed(0)} % of bandwidth`,
      );
      sayKernels(decode.kernels);
      save();
    }
    const prefill = (result.prefill = await measurePrefill(runner, 2048));
    say(
      `prefill 2048: ${(prefill.awaited * 1e3).toFixed(1)} ms, ${prefill.teraflops.toFixed(1)} TFLOP/s, ${(prefill.inFlight * 1e3).toFixed(1)} ms with two in flight`,
    );
    sayKernels(prefill.kernels);
  } finally {
    runner.dispose();
  }
}

function sayKernels(kernels: DecodeResult['kernels']): void {
  const total = kernels.reduce((sum, { seconds }) => sum + seconds, 0);
  say(`  kernels ${(total * 1e3).toFixed(2)} ms`);
  for (const { kernel, dispatches, seconds } of kernels)
    say(`    ${(seconds * 1e3).toFixed(3)} ms ${String(dispatches).padStart(3)} ${kernel}`);
}

if (args.lengths) {
  writeFileSync(args.lengths, JSON.stringify(serveLengths(Number(args.requests))));
} else {
  for (const mode of args.modes.split(',')) {
    try {
      await measure(mode);
    } catch (error) {
      say(`${mode} failed: ${error instanceof Error ? error.stack : error}`);
      process.exitCode = 1;
    }
  }
  save();
  // Dawn's threads would keep the process.
  process.exit();
}
