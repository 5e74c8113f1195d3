import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { contents, folder, realTrace, refuse, succeed } from '../support/cli.ts';

const small = { policy: ['vllm'], num_prompts: 10, replications: 1 };

/** A folder with a config.json of this text, or of this value as JSON. */
function withConfig(config: unknown): string {
  const cwd = folder();
  writeFileSync(join(cwd, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return cwd;
}

describe('quire run', () => {
  test('gives what quire compare gives with the same settings as flags', async () => {
    const cwd = withConfig({
      ...small,
      policy: 'vllm',
      gpu: 'a100-80g',
      request_rate: 2,
      enforce_eager: true,
    });
    const flags =
      '--policy vllm --num-prompts 10 --replications 1 --gpu a100-80g --request-rate 2 --enforce-eager';
    const ran = JSON.parse(await succeed(['run', 'config.json', '--json'], { cwd, alone: true }));
    const compared = JSON.parse(await succeed(['compare', ...flags.split(' '), '--json'], { cwd }));
    expect(ran.results).toEqual(compared.results);
    expect(ran.quire.config).toEqual(compared.quire.config);
    expect(ran.quire.command).toBe('quire run config.json --json');
  });

  test('lets flags override keys', async () => {
    const cwd = withConfig({ ...small, seed: 1 });
    const { quire } = JSON.parse(await succeed(['run', 'config.json', '--seed', '9', '--json'], { cwd }));
    expect(quire.config).toMatchObject({ ...small, seed: 9 });
  });

  test('reads a file that begins with a byte-order mark', async () => {
    await succeed(['run', 'config.json'], { cwd: withConfig(`\uFEFF${JSON.stringify(small)}`) });
  });

  test('runs what --print-config printed', async () => {
    const cwd = folder();
    const flags = ['--policy', 'vllm', '--num-prompts', '10', '--replications', '1', '--seed', '4'];
    writeFileSync(join(cwd, 'config.json'), await succeed(['compare', ...flags, '--print-config'], { cwd }));
    const ran = JSON.parse(await succeed(['run', 'config.json', '--json'], { cwd }));
    expect(ran.results).toEqual(JSON.parse(await succeed(['compare', ...flags, '--json'], { cwd })).results);
  });

  test('runs what --print-config printed of a trace', async () => {
    const cwd = folder();
    const flags = ['--policy', 'vllm', '--trace', realTrace('azure2023_conv.csv.gz'), '--num-prompts', '20'];
    writeFileSync(join(cwd, 'config.json'), await succeed(['compare', ...flags, '--print-config'], { cwd }));
    const ran = JSON.parse(await succeed(['run', 'config.json', '--json'], { cwd }));
    expect(ran.results).toEqual(JSON.parse(await succeed(['compare', ...flags, '--json'], { cwd })).results);
  });

  test.each([
    ['a workload', []],
    ['a closed loop', ['--workload', 'closed-loop', '--users', '3']],
    ['beams', ['--beam-width', '3']],
    ['a trace', ['--trace', 'azure2023_conv.csv.gz', '--time-scale', '0.5']],
  ])('repeats the run of a results file: %s', async (_, flags) => {
    const cwd = folder();
    const own = flags.map(flag => (flag.endsWith('.gz') ? realTrace(flag) : flag));
    const args = ['compare', '--policy', 'vllm', '--num-prompts', '10', '--replications', '1', ...own];
    const first = JSON.parse(await succeed([...args, '--json', '--out', 'first.json'], { cwd }));
    const again = JSON.parse(await succeed(['run', 'first.json', '--json', '--out', 'again.json'], { cwd }));
    expect(again.results).toEqual(first.results);
    expect(again.quire.config).toEqual(first.quire.config);
  });
});

describe('a config file that is wrong', () => {
  test.each<[string, unknown, string | RegExp]>([
    ['a misspelt key', { polcy: 'vllm' }, 'config.json: unknown setting "polcy"; did you mean policy?'],
    [
      'a key in camel case',
      { numPrompts: 5 },
      'config.json: unknown setting "numPrompts"; did you mean num_prompts?',
    ],
    ['a key that JavaScript objects have', { constructor: 1 }, 'config.json: unknown setting "constructor"'],
    ['the key __proto__', '{"__proto__": {"seed": 1}}', 'config.json: unknown setting "__proto__"'],
    [
      'a negative number',
      { num_prompts: -5 },
      'config.json: num_prompts: expected a whole number of at least 1, found -5',
    ],
    [
      'a number as text',
      { num_prompts: '20' },
      'config.json: num_prompts: expected a whole number of at least 1, found "20"',
    ],
    [
      'null',
      { num_prompts: null },
      'config.json: num_prompts: expected a whole number of at least 1, found null',
    ],
    ['NaN', '{"num_prompts": NaN}', /^config\.json: not JSON: /],
    ['an empty file', '', /^config\.json: .*(empty|not JSON)/],
    ['a list', [], 'config.json: expected a JSON object of settings'],
    ['no policy', { policy: [] }, 'config.json: policy: expected at least one policy, found []'],
    [
      'a policy that is no name',
      { policy: ['vllm', 3] },
      /^config\.json: policy: expected .*found \["vllm",3\]$/,
    ],
    [
      'a switch that is no boolean',
      { enforce_eager: 'yes' },
      /^config\.json: enforce_eager: expected true or false, found "yes"$/,
    ],
    [
      'a model that is no name',
      { model: { name: 'x' } },
      'config.json: model: expected text, found {"name":"x"}',
    ],
    ['a very long value', { gpu: 'x'.repeat(5000) }, /^unknown GPU "x{10,200}…?".{0,400}$/s],
    [
      'results of vllm bench',
      { backend: 'vllm', request_throughput: 3 },
      /^config\.json: unknown setting "backend"|not /,
    ],
    ['results without a config', { quire: {}, results: [] }, /^config\.json: /],
    [
      'results with a wrong config',
      { quire: { config: { polcy: 1 } } },
      /^config\.json: .*unknown setting "polcy"/,
    ],
  ])('%s', async (name, config, message) => {
    const cwd = withConfig(config);
    const said = await refuse(['run', 'config.json'], { cwd, alone: name === 'a misspelt key' });
    if (typeof message === 'string') expect(said).toBe(message);
    else expect(said).toMatch(message);
  });

  test('binary data are not poured out on the terminal', async () => {
    const cwd = folder();
    writeFileSync(
      join(cwd, 'config.json'),
      Buffer.from(Array.from({ length: 512 }, (_, i) => (i * 73) % 256)),
    );
    const said = await refuse(['run', 'config.json'], { cwd });
    expect(said).toMatch(/^config\.json: not JSON/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
    expect(said).not.toMatch(/[\u0000-\u001f\u007f]/);
  });

  test('is refused though flags would override what is wrong', async () => {
    const cwd = withConfig({ ...small, seed: 'x' });
    expect(await refuse(['run', 'config.json', '--seed', '1'], { cwd })).toMatch(/^config\.json: seed: /);
  });

  test('a contradiction between file and flags is one as well', async () => {
    const cwd = withConfig({ ...small, request_rate: 3 });
    const args = ['run', 'config.json', '--trace', realTrace('azure2023_conv.csv.gz')];
    expect(await refuse(args, { cwd })).toMatch(/^request_rate cannot be set together with trace/);
    expect(Object.keys(contents(cwd))).toEqual(['config.json']);
  });
});
