import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { parseProfile } from '../../../src/sim/cost/overhead-profile.ts';

const overhead = (value: number) => ({ value, preset: 0, status: 'fitted' });
const latency = { mean: 0, p50: 0, p99: 0 };
const latencies = { ttft: latency, tpot: latency, e2el: latency };
const profile = (overheads: object = {}, presets: object = {}) => ({
  quire: { version: '1', command: 'quire calibrate', config: {}, seed: 0 },
  engine: 'vllm',
  gpu: 'h100',
  model: 'llama-3.1-8b',
  tensor_parallel: 1,
  measured: { source: 'bench.json', requests: 100 },
  kernels: 'rooflines',
  presets: { cpu_per_step_s: 2e-3, cpu_per_sequence_s: 8e-6, overlapped: true, ...presets },
  overheads: {
    per_step_s: overhead(1e-3),
    per_sequence_s: overhead(-8e-6),
    api_per_request_s: overhead(0),
    device_scale: overhead(1),
    ...overheads,
  },
  errors: { before: latencies, after: latencies },
  notes: [],
});

test('overheads that take away all CPU work of the presets are the least there are', () => {
  const least = profile({ per_step_s: overhead(-2e-3) });
  expect(parseProfile(least, 'p.json')).toEqual(least);
});

test.each([
  ['per_step_s', -5, /-0\.002 to 10, found -5/],
  ['per_step_s', 1e9, /-0\.002 to 10, found 1000000000/],
  ['per_sequence_s', -1e-5, /found -0\.00001/],
  ['api_per_request_s', -1, /0 to 60, found -1/],
  ['api_per_request_s', 3600, /0 to 60, found 3600/],
  ['device_scale', 0, /0\.1 to 10, found 0/],
  ['device_scale', 1e3, /0\.1 to 10, found 1000/],
])('%s of %d is no engine’s', (name, value, message) => {
  const attempt = () => parseProfile(profile({ [name]: overhead(value) }), 'p.json');
  expect(attempt).toThrow(UsageError);
  expect(attempt).toThrow(message);
  expect(attempt).toThrow(`p.json: overheads.${name}.value: expected`);
});

test.each([
  [{}, /^p\.json: not a profile of quire calibrate: at "quire" expected object, found nothing; make/],
  [7, /^p\.json: not a profile of quire calibrate: expected object, found number; make one/],
  [profile({}, { cpu_per_step_s: -1 }), /at "presets.cpu_per_step_s"/],
])('what is no profile is said, with what was found: %#', (value, message) => {
  expect(() => parseProfile(value, 'p.json')).toThrow(message);
});
