import { once } from 'node:events';
import { createServer } from 'node:net';
import { Command } from 'commander';
import { expect, onTestFinished, test } from 'vitest';
import { readyLine } from '../../src/cli/ready-line.ts';
import { serveCommand } from '../../src/cli/serve.ts';
import { openDoor, serveSettingsOf } from '../../src/cli/serve-flags.ts';
import { UsageError } from '../../src/core/errors.ts';
import { folder, refuse } from '../support/cli.ts';
import { fakeEngine, type Json, servedModel, shipped, until } from './serving.ts';
import { complete, served } from './serving-process.ts';

test('SIGTERM under load: all that was let in is finished, the rest refused, exit code 0', async () => {
  const args = [
    '--model',
    shipped,
    '--model',
    shipped,
    '--served-model-name',
    'A',
    '--served-model-name',
    'B',
  ];
  const run = await served(
    [...args, '--alias', 'prod=A:1,B:1', '--backend', 'reference', '--log-level', 'info'],
    async (url, child, said) => {
      expect(said()).toMatch(/^quire serves A \(reference, the CPU\), B \(reference, the CPU\) at http/);
      const example = JSON.parse(/-d '([^']+)'/.exec(said())![1]!);
      expect(((await (await complete(url, { ...example, max_tokens: 2 })).json()) as Json).model).toBe('A');

      const body = { prompt: 'Once upon a time', max_tokens: 40, ignore_eos: true, temperature: 1 };
      expect((await complete(url, { ...body, temperature: -1 })).status).toBe(400);
      const answers = Array.from({ length: 12 }, async (_, i) => {
        const model = ['A', 'B', 'prod'][i % 3];
        const response = await complete(url, { ...body, model, seed: i, stream: i % 2 === 0 });
        return { status: response.status, text: await response.text() };
      });
      await until(
        async () => ((await (await fetch(`${url}/load`)).json()) as Json).server_load === 12,
        'all run',
      );
      child.kill('SIGTERM');
      await until(async () => (await fetch(`${url}/health`)).status === 503, 'it drains');
      const late = await complete(url, body);
      expect([late.status, late.headers.get('retry-after')]).toEqual([503, '1']);
      for (const { status, text } of await Promise.all(answers)) {
        expect(status).toBe(200);
        expect(text).toContain('"finish_reason":"length"');
        expect(text.startsWith('data: ')).toBe(text.endsWith('data: [DONE]\n\n'));
      }
    },
  );
  expect(run.code).toBe(0);
  const lines = run.stderr
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Json);
  const requests = lines.filter(({ msg }) => msg === 'request');
  expect(requests.filter(({ outcome }) => outcome === 'completed')).toHaveLength(13);
  expect(requests.filter(({ outcome }) => outcome === 'shutting_down')).toHaveLength(1);
  expect(requests.filter(({ outcome }) => outcome === 'invalid')).toMatchObject([
    { level: 'info', status: 400, param: 'temperature' },
  ]);
  const room = { max_model_len: 512, block_size: 16, num_gpu_blocks: expect.any(Number) };
  expect(lines.slice(0, 2)).toMatchObject(
    ['A', 'B'].map(model => ({
      msg: 'model',
      model,
      backend: 'reference',
      policy: 'vllm',
      tools: false,
      ...room,
    })),
  );
  expect(lines.at(-1)).toMatchObject({ level: 'info', msg: 'stopped', aborted: 0 });
  expect(new Set(requests.map(({ model }) => model))).toEqual(new Set(['A', 'B', undefined]));
});

test('a second signal ends it at once', async () => {
  const run = await served(['--backend', 'reference', '--log-level', 'silent'], async (url, child) => {
    const cut = complete(url, { prompt: 'x', max_tokens: 500, ignore_eos: true }).then(
      () => 'answered',
      () => 'cut',
    );
    await until(
      async () => ((await (await fetch(`${url}/load`)).json()) as Json).server_load === 1,
      'it runs',
    );
    child.kill('SIGINT');
    await until(async () => (await fetch(`${url}/health`)).status === 503, 'it drains');
    child.kill('SIGINT');
    expect(await cut).toBe('cut');
  });
  expect(run.code).toBe(130);
});

test('a simulated GPU serves at the pace that the cost model says', async () => {
  const args = ['--backend', 'simulated', '--gpu', 'a100-80g', '--model', 'llama-2-7b'];
  const run = await served(args, async url => {
    const response = await complete(url, {
      model: 'llama-2-7b',
      prompt: 'Once upon a time',
      max_tokens: 65,
      ignore_eos: true,
      stream: true,
    });
    const times: number[] = [];
    for await (const _ of response.body as unknown as AsyncIterable<Uint8Array>)
      times.push(performance.now());
    const perToken = (times.at(-1)! - times[0]!) / 64;
    // 13.5 GB of weights at 2 TB/s cannot take less than 6.6 ms; a machine that is busy may add to it.
    expect(perToken).toBeGreaterThan(6);
    expect(perToken).toBeLessThan(60);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const blocks = Number(/cache_config_info\{.*num_gpu_blocks="(\d+)"/.exec(metrics)![1]);
    expect(blocks).toBeGreaterThan(5000);
  });
  expect(run.code).toBe(0);
});

test('what cannot be served is said before anything is loaded', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const said = await refuse(['serve', '--port', String(port)], { cwd: folder() });
  expect(said).toBe(`port ${port} of 127.0.0.1 is taken by another program: name another with --port`);
});

/** What `quire serve` has against these flags, in this process. */
async function complaint(...args: readonly string[]): Promise<string> {
  const program = new Command();
  serveCommand(program);
  try {
    await program.parseAsync(['serve', ...args], { from: 'user' });
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('it serves');
}

const complaints: readonly (readonly [flags: string, message: string])[] = [
  ['--port http', '--port: expected a number from 0 to 65535, found "http"'],
  ['--port 65536', '--port: expected a number from 0 to 65535'],
  ['--host 203.0.113.7 --port 0', 'is no address of this machine'],
  ['--model ./absent --backend reference --port 0', './absent'],
  ['--backend cuda', '--backend: expected one of'],
  ['--gpu h100', '--gpu needs --backend simulated'],
  ['--backend simulated --dtype f16', '--dtype has no effect'],
  ['--backend simulated --gpu h1000 --port 0', 'unknown GPU'],
  ['--backend simulated --model lama --port 0', 'unknown model'],
  ['--alias x', '--alias: expected NAME=MODEL'],
  ["--alias ' =B'", '--alias: expected NAME=MODEL'],
  ["--alias 'x= '", '--alias: expected NAME=MODEL'],
  ['--alias x=A:1e3', '--alias: expected NAME=MODEL'],
  ["--served-model-name ''", '--served-model-name: expected a name'],
  ["--served-model-name ' '", '--served-model-name: expected a name'],
  ["--model ''", '--model: expected a folder'],
  ["--backend simulated --model '' --port 0", 'model'],
  ["--chat-template ''", '--chat-template: expected a file'],
  ["--api-key ''", '--api-key: expected a key without spaces'],
  ["--api-key 'a b'", '--api-key: expected a key without spaces'],
  ["--host ''", '--host: expected an address'],
  ["--port ''", '--port: expected a number'],
  ["--allowed-origins ''", '--allowed-origins: expected an origin'],
  ['--allowed-origins foo', '--allowed-origins: expected an origin'],
  ['--allowed-origins fox.example:80', '--allowed-origins: expected an origin'],
  ['--allowed-origins https://fox.example/', 'did you mean https://fox.example?'],
  ['--allowed-origins https://Fox.example:443', 'did you mean https://fox.example?'],
  ['--allowed-origins https://*.fox.example', '--allowed-origins: expected an origin'],
  ['--policy vlm', 'did you mean vllm?'],
  ['--max-requests-per-key 3', 'give one with --api-key'],
  ['--max-queued-requests 0', '--max-queued-requests: expected a number from 1 on'],
  ['--shutdown-timeout -1', '--shutdown-timeout: expected a number from 0'],
  ['--log-level loud', '--log-level: expected one of'],
  ['--served-model-name a --served-model-name b --port 0 --backend reference', '2 names for 1 models'],
  ['--gpu-memory 1 --gpu-memory 1 --port 0 --backend reference', 'given 2 times for 1 models'],
  ['--chat-template ./absent.jinja --port 0 --backend reference', 'no such file'],
];

test.each(complaints)('%s: %s', async (flags, message) => {
  // What is quoted is one word, and may be none.
  const words = [...flags.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!);
  expect(await complaint(...words)).toContain(message);
});

test('a name that no request can say is refused', () => {
  const long = 'x'.repeat(257);
  expect(() => serveSettingsOf({ servedModelName: [long] })).toThrow('at most 256 characters');
  expect(() => serveSettingsOf({ alias: [`${long}=A`] })).toThrow('at most 256 characters');
  expect(serveSettingsOf({ servedModelName: ['Qwen/Qwen3: the best'] }).names).toEqual([
    'Qwen/Qwen3: the best',
  ]);
});

test('origins are taken as browsers send them', () => {
  const allowed = ['*', 'null', 'http://localhost:3000', 'https://fox.example', 'chrome-extension://abcdef'];
  expect(serveSettingsOf({ allowedOrigins: allowed }).options.allowedOrigins).toEqual(allowed);
});

test('the request to try brings a key where one is needed, and is not told it', async () => {
  const models = [servedModel(fakeEngine(), { id: "fox's" })];
  const said = (needsKey: boolean) => readyLine('http://0.0.0.0:8000', models, needsKey).split('\n')[2]!;
  expect(said(false)).toBe(
    `try: curl http://127.0.0.1:8000/v1/completions -H 'content-type: application/json' -d ` +
      `'{"model":"fox'\\''s","prompt":"Once upon a time","max_tokens":60}'`,
  );
  expect(said(true)).toBe(said(false).replace(' -H', " -H 'authorization: Bearer KEY' -H"));
});

test('the help keeps apart what only a simulated GPU has', () => {
  const program = new Command();
  serveCommand(program);
  const help = program.commands[0]!.helpInformation();
  const [, group] = /\nSimulated GPU \(--backend simulated\):\n(.*?)\n\n/s.exec(help)!;
  const flags = [...group!.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, flag]) => flag);
  expect(flags.toSorted()).toEqual([
    '--enforce-eager',
    '--gpu',
    '--gpu-memory-utilization',
    '--kv-cache-dtype',
    '--kv-slots',
    '--profile',
    '--tensor-parallel',
    '--weights',
  ]);
});

test('a host that others reach, without a key, is warned of', () => {
  const warned = (flags: object) => openDoor(serveSettingsOf({ ...flags }));
  expect(warned({ host: '0.0.0.0' })).toContain('everybody who can reach this machine');
  expect(warned({ host: '0.0.0.0', apiKey: ['k'] })).toBeUndefined();
  for (const host of [undefined, '127.0.0.1', '127.3.2.1', '::1', 'localhost'])
    expect(warned({ host })).toBeUndefined();
});
