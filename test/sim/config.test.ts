import { expect, test } from 'vitest';
import { completeConfig } from '../../src/sim/check-config.ts';
import { configDefaults, parseConfig } from '../../src/sim/config.ts';
import { settings } from '../../src/sim/settings.ts';

test('a config is read as it is written; a policy may be named without a list', () => {
  expect(
    parseConfig(
      { policy: 'vllm', request_rate: 3.5, seed: -4, max_tokens: 'exact', enforce_eager: true },
      'x',
    ),
  ).toEqual({
    policy: ['vllm'],
    request_rate: 3.5,
    seed: -4,
    max_tokens: 'exact',
    enforce_eager: true,
  });
  expect(parseConfig({}, 'x')).toEqual({});
});

test('its defaults are themselves a valid config, and each has a setting', () => {
  expect(parseConfig(configDefaults, 'defaults')).toEqual(configDefaults);
  for (const key of Object.keys(configDefaults)) expect(settings).toHaveProperty(key);
});

test.each([
  [{ polcy: 'vllm' }, /c\.json: unknown setting "polcy"; did you mean policy\?/],
  [{ max_num_seqs: 0 }, /c\.json: max_num_seqs: expected a whole number of at least 1, found 0/],
  [{ max_num_seqs: 2.5 }, /whole number/],
  [{ request_rate: 0 }, /request_rate: expected a number above 0.*, found 0/],
  [{ request_rate: Number.NaN }, /request_rate/],
  [{ gpu_memory_utilization: 1.5 }, /expected a share .*, found 1\.5/],
  [{ watermark: 1 }, /share/],
  [{ weights: 'fp4' }, /expected one of fp16, fp8, int8, int4, found "fp4"/],
  [{ policy: [] }, /policy/],
  [{ policy: [3] }, /policy/],
  [{ model: '' }, /model: expected text/],
  [{ think_time: -1 }, /at least 0/],
  [{ range_ratio: 2 }, /range_ratio/],
  [{ prefix_caching: true }, /on, off/],
  [[], /expected a JSON object/],
  [null, /expected a JSON object/],
  ['vllm', /expected a JSON object/],
])('%j is refused by name', (config, message) => {
  expect(() => parseConfig(config, 'c.json')).toThrow(message);
});

test('what is not said: five replications, one of a trace', () => {
  expect(completeConfig({}).replications).toBe(5);
  expect(completeConfig({ trace: 'a.csv' }).replications).toBe(1);
  expect(completeConfig({ replications: 2, seed: 9 })).toMatchObject({
    replications: 2,
    seed: 9,
    model: 'llama-13b',
  });
});
