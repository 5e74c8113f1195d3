import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { completeConfig } from '../../../src/sim/check-config.ts';
import { CostModel } from '../../../src/sim/cost/cost-model.ts';
import {
  checkEngine,
  type OverheadProfile,
  type Overheads,
  parseProfile,
  presetOverheads,
  profileNotes,
  withOverheads,
} from '../../../src/sim/cost/overhead-profile.ts';
import type { Runtime } from '../../../src/sim/cost/runtimes.ts';
import { runtimes } from '../../../src/sim/cost/runtimes.ts';
import { term } from '../../../src/sim/cost/terms.ts';
import { runExperiment } from '../../../src/sim/experiment.ts';
import { findModel } from '../../../src/sim/models/catalogue.ts';
import { setupOf } from './support.ts';

const setup = setupOf({ policy: ['vllm'], model: 'llama-3.1-8b', gpu: 'h100' });
const decodes = {
  tokens: 32,
  sampled: 32,
  sequences: 32,
  decodes: 32,
  decodeKv: 32_000,
  shortestKv: 1000,
  longestKv: 1000,
  prefills: [],
  copiedTokens: 0,
  swappedTokens: 0,
  swappedBlocks: 0,
};
const hidden: Runtime = { ...runtimes.vllm, cpuPerStep: 1e-3, cpuPerSequence: 0, overlapped: true };

function priced(runtime: Runtime, changed: Partial<Overheads> = {}) {
  const overheads = { perStep: 0, perSequence: 0, apiPerRequest: 0, deviceScale: 1, ...changed };
  const model = new CostModel({ ...setup.cost.options, runtime: withOverheads(runtime, overheads) });
  const { seconds, terms, compute, bandwidth, overhead } = model.price(decodes);
  return {
    seconds,
    cpu: terms[term.cpu]!,
    sum: terms.reduce((a, b) => a + b),
    parts: compute + bandwidth + overhead,
  };
}

test('a residual is added to every step, even where the work of the CPU hides', () => {
  const before = priced(hidden);
  expect(before.cpu).toBe(0);
  const after = priced(hidden, { perStep: 2e-3, perSequence: 10e-6 });
  expect(after.seconds - before.seconds).toBeCloseTo(2e-3 + 32 * 10e-6, 12);
  expect(after.sum).toBeCloseTo(after.seconds, 12);
});

test('below 0 it takes from CPU work that shows, and from nothing else', () => {
  const shown = { ...hidden, overlapped: false };
  expect(priced(shown, { perStep: -0.4e-3 }).cpu).toBeCloseTo(0.6e-3, 12);
  expect(priced(shown, { perStep: -3e-3 }).seconds).toBe(priced(hidden).seconds);
  expect(priced(hidden, { perStep: -3e-3 }).seconds).toBe(priced(hidden).seconds);
});

test('a scale multiplies the time of the GPU, by operation and by limit', () => {
  const before = priced(hidden);
  const after = priced(hidden, { deviceScale: 1.5 });
  expect(after.seconds).toBeCloseTo(1.5 * before.seconds, 12);
  expect(after.sum).toBeCloseTo(after.seconds, 12);
  expect(after.parts).toBeCloseTo(1.5 * before.parts, 12);
});

const preset = presetOverheads(runtimes.vllm);
const fixed = (value: number, reference = value) => ({ value, preset: reference, status: 'fitted' as const });
const errors = { mean: 0, p50: 0, p99: 0 };
const latencies = { ttft: errors, tpot: errors, e2el: errors };
const profile: OverheadProfile = {
  quire: { version: '0', command: 'quire calibrate', config: {}, seed: 0 },
  engine: 'vllm',
  gpu: 'h100',
  model: 'llama-3.1-8b',
  tensor_parallel: 1,
  measured: { source: 'bench.json', requests: 100 },
  kernels: 'rooflines',
  presets: {
    cpu_per_step_s: runtimes.vllm.cpuPerStep,
    cpu_per_sequence_s: runtimes.vllm.cpuPerSequence,
    overlapped: runtimes.vllm.overlapped,
  },
  overheads: {
    per_step_s: fixed(preset.perStep),
    per_sequence_s: fixed(preset.perSequence),
    api_per_request_s: fixed(preset.apiPerRequest),
    device_scale: fixed(preset.deviceScale),
  },
  errors: { before: latencies, after: latencies },
  notes: [],
};

test('a profile of another engine is refused; of another GPU, or other presets, noted', () => {
  expect(() => checkEngine(profile, [{ name: 'vllm', runtime: 'vllm' }])).not.toThrow();
  const other = () => checkEngine(profile, [{ name: 'sglang', runtime: 'sglang' }]);
  expect(other).toThrow(UsageError);
  expect(other).toThrow(/measured on vllm, not on sglang; /);
  const { options } = setup.cost;
  expect(profileNotes(profile, options, 'rooflines')).toEqual([]);
  expect(profileNotes({ ...profile, gpu: 'l4' }, options, 'rooflines')).toEqual([
    'the profile was measured with l4',
  ]);
  expect(profileNotes(profile, options, 'measured').join()).toMatch(
    /beside rooflines, and this run has measured/,
  );
  const presets = { ...profile.presets, cpu_per_step_s: 1 };
  expect(profileNotes({ ...profile, presets }, options, 'rooflines').join()).toMatch(
    /presets of vllm have changed/,
  );
});

test('what is no profile is refused, with the place', () => {
  expect(() => parseProfile({ results: [] }, 'f.json')).toThrow(/f\.json: not a profile of quire calibrate/);
  const overheads = { ...profile.overheads, api_per_request_s: fixed(-1) };
  expect(() => parseProfile({ ...profile, overheads }, 'f.json')).toThrow(
    /overheads\.api_per_request_s\.value: expected 0 to 60/,
  );
});

test('results with a profile are those of clients: the API path is in TTFT and in E2EL, not in TPOT', async () => {
  const model = findModel('llama-3.1-8b')!;
  const given = {
    policy: ['vllm'],
    model: model.name,
    gpu: 'h100',
    num_prompts: 40,
    request_rate: 4,
    replications: 1,
  };
  const plain = (await runExperiment(completeConfig(given), { model })).results[0]!;
  const overheads = { ...profile.overheads, api_per_request_s: fixed(0.02, 0) };
  const config = completeConfig({ ...given, profile: 'p.json' });
  const client = await runExperiment(config, { model, profile: { ...profile, overheads } });
  const [result] = client.results;
  expect(result!.mean_ttft_ms - plain.mean_ttft_ms).toBeCloseTo(20, 6);
  expect(result!.p99_e2el_ms - plain.p99_e2el_ms).toBeCloseTo(20, 6);
  expect(result!.mean_tpot_ms).toBeCloseTo(plain.mean_tpot_ms, 9);
  expect(client.notes.join()).toMatch(/TTFT and end-to-end latency are those of the client/);
  await expect(runExperiment(config, { model })).rejects.toThrow(
    /profile: only the command line opens files/,
  );
});

test('a closed loop waits for the API path before it asks again', async () => {
  const model = findModel('llama-3.1-8b')!;
  const given = { policy: ['vllm'], model: model.name, gpu: 'h100', workload: 'closed-loop' as const };
  const loop = { ...given, users: 1, num_prompts: 10, think_time: 0, replications: 1 };
  const plain = (await runExperiment(completeConfig(loop), { model })).results[0]!;
  const overheads = { ...profile.overheads, api_per_request_s: fixed(0.5, 0) };
  const config = completeConfig({ ...loop, profile: 'p.json' });
  const client = (await runExperiment(config, { model, profile: { ...profile, overheads } })).results[0]!;
  expect(client.duration - plain.duration).toBeCloseTo(9 * 0.5, 6);
});
