import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { profileOf } from '../../../src/sim/calibrate/profile.ts';
import { overheadsOf, parseProfile } from '../../../src/sim/cost/overhead-profile.ts';
import { runtimes } from '../../../src/sim/cost/runtimes.ts';
import { calibrated, measure, parameter, setupOf } from './support.ts';

const none = { perStep: 0, perSequence: 0, apiPerRequest: 0, deviceScale: 1 };
const vllm = { policy: ['vllm'], model: 'llama-3.1-8b', gpu: 'h100' };
const light = { count: 250, rate: 6, prompt: 800, output: 150 };

test('known overheads are found again, within their intervals, and the errors go', () => {
  const setup = setupOf(vllm);
  const truth = { ...none, perStep: 1.2e-3, apiPerRequest: 15e-3 };
  for (const seed of [1, 2, 3]) {
    const found = calibrated(setup, measure(setup, truth, { seed, ...light }), [
      'per_step',
      'api_per_request',
    ]);
    const [step, api] = [parameter(found, 'per_step'), parameter(found, 'api_per_request')];
    expect([step.status, api.status]).toEqual(['fitted', 'fitted']);
    expect(Math.abs(step.value / 1.2e-3 - 1)).toBeLessThan(0.06);
    expect(Math.abs(api.value / 15e-3 - 1)).toBeLessThan(0.1);
    expect(step.low).toBeLessThan(step.value);
    expect(step.high).toBeGreaterThan(step.value);
    expect(api.high! - api.low!).toBeLessThan(5e-3);
    expect(found.errors.before.tpot.mean).toBeLessThan(-0.08);
    expect(Math.abs(found.errors.after.tpot.mean)).toBeLessThan(0.01);
    expect(Math.abs(found.errors.after.ttft.mean)).toBeLessThan(0.03);
  }
});

// The draws are fixed; that 95 % intervals hold the truth in most of them is what can fail.
test('intervals of three overheads hold the truth, seed by seed, on engines that hide the CPU and that do not', () => {
  let inside = 0;
  let all = 0;
  const engines = [
    [vllm, light, { ...none, perStep: 0.8e-3, perSequence: 12e-6, apiPerRequest: 15e-3 }],
    [
      { ...vllm, policy: ['nano-vllm'] },
      { count: 250, rate: 12, prompt: 500, output: 200 },
      { ...none, perStep: -0.4e-3, perSequence: 20e-6, apiPerRequest: 8e-3 },
    ],
  ] as const;
  for (const [config, load, truth] of engines) {
    const setup = setupOf({ ...config, policy: [...config.policy] });
    for (const seed of [11, 12, 13]) {
      const { parameters } = calibrated(setup, measure(setup, truth, { seed, ...load }));
      const values = [truth.perStep, truth.perSequence, truth.apiPerRequest];
      for (const [k, { low, high }] of parameters.slice(0, 3).entries()) {
        all++;
        if (low! <= values[k]! && values[k]! <= high!) inside++;
      }
    }
  }
  expect(all).toBe(18);
  expect(inside).toBeGreaterThanOrEqual(16);
});

test('what a run cannot tell is held at its preset and said so', () => {
  const setup = setupOf(vllm);
  const truth = { ...none, perStep: 1e-3 };
  const found = calibrated(setup, measure(setup, truth, { seed: 5, ...light }), [
    'per_step',
    'api_per_request',
  ]);
  expect(parameter(found, 'api_per_request')).toMatchObject({ value: 0, preset: 0, status: 'held' });
  expect(parameter(found, 'per_sequence')).toEqual({
    name: 'per_sequence',
    value: 0,
    preset: 0,
    status: 'not fitted',
  });
  expect(found.notes.join()).toMatch(/api_per_request: .*held/);
  expect(parameter(found, 'per_step').status).toBe('fitted');
});

test('CPU work that hides behind the GPU cannot make up for a GPU that is faster: the scale is named', () => {
  const setup = setupOf({ ...vllm, gpu: 'a100-80g' });
  const run = measure(setup, { ...none, deviceScale: 0.8 }, { seed: 3, ...light });
  const without = calibrated(setup, run, ['per_step']);
  expect(parameter(without, 'per_step').value).toBeLessThan(0.05e-3);
  expect(without.notes.join()).toMatch(/GPU of the run is faster .*fit device_scale/);
  const gap = runtimes.vllm.residualPerStep!;
  const faster = measure(setup, { ...none, perStep: gap, deviceScale: 0.8 }, { seed: 3, ...light });
  const scale = parameter(calibrated(setup, faster, ['device_scale']), 'device_scale');
  expect(scale.status).toBe('fitted');
  expect(scale.value).toBeCloseTo(0.8, 1);
  expect(scale.low).toBeLessThanOrEqual(0.8);
  expect(scale.high).toBeGreaterThanOrEqual(0.8);
});

test('the same run and seed give the same numbers', () => {
  const setup = setupOf(vllm);
  const run = measure(setup, { ...none, perStep: 1e-3 }, { seed: 1, ...light, count: 60 });
  expect(calibrated(setup, run)).toEqual(calibrated(setup, run));
});

test('a profile is read as it was written', () => {
  const setup = setupOf(vllm);
  const found = calibrated(
    setup,
    measure(setup, { ...none, perStep: 1e-3 }, { seed: 1, ...light, count: 60 }),
  );
  const quire = { version: '1', command: 'quire calibrate', config: {}, seed: 0 };
  const profile = profileOf(found, setup, { quire, source: 'bench.json', requests: 60 });
  const read = parseProfile(JSON.parse(JSON.stringify(profile)), 'p.json');
  expect(read).toEqual(profile);
  expect(overheadsOf(read)).toEqual(found.overheads);
});

test('requests that the engine would not serve are named', () => {
  const setup = setupOf(vllm);
  const run = measure(setup, none, { seed: 1, ...light, count: 30 });
  const small = setupOf({ ...vllm, max_model_len: 900 });
  const attempt = () => calibrated(small, run, ['per_step']);
  expect(attempt).toThrow(UsageError);
  expect(attempt).toThrow(/vllm would (reject|cut) \d+ of the measured/);
});
