import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folder } from '../support/cli.ts';
import { type Behaviour, fakeServer, lengthOf } from './fake-server.ts';
import { benchServe } from './run-bench.ts';

describe('quire bench serve', () => {
  test('prints what vllm bench serve prints, of a server that tokenizes', async () => {
    const server = await fakeServer({ tokenize: true, models: ['first', 'second'] });
    const { code, stdout, stderr } = await benchServe(
      `--base-url ${server.url}/v1 --num-prompts 12 --input-len 50 --output-len 7 --request-rate 400`,
    );
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain('Model: first, the first that the server lists\n');
    expect(stdout).toMatch(/Prompts: \d+ words of one token each, by the server's \/tokenize\n/);
    expect(stdout).toContain(
      'Traffic request rate: 400.0\nBurstiness factor: 1.0 (Poisson process)\nMaximum request concurrency: None\n',
    );
    expect(stdout).toMatch(/^Successful requests: {21}12 {8}$/m);
    expect(stdout).toMatch(/^Total input tokens: {22}600 {7}$/m);
    expect(stdout).toMatch(/^Total generated tokens: {18}84 {8}$/m);
    expect(stdout).toMatch(/^P99 ITL \(ms\):/m);
    expect(server.asked).toHaveLength(12);
    for (const { body, headers } of server.asked) {
      expect(body).toMatchObject({ model: 'first', max_tokens: 7, ignore_eos: true, stream: true });
      expect(lengthOf(body)).toBe(50);
      expect(headers['x-request-id']).toMatch(/^bench-[0-9a-f]{8}-\d+$/);
    }
    expect(new Set(server.asked.map(({ body }) => body['prompt'])).size).toBe(12);
    expect(new Set(server.asked.map(({ headers }) => headers['x-request-id'])).size).toBe(12);
  });

  test('says so where words stand for tokens, and what the server does not count', async () => {
    const server = await fakeServer({
      complete: (_, answer) => {
        answer.begin();
        for (const text of ['a', 'b']) answer.token(text);
        answer.done();
      },
    });
    const { code, stdout } = await benchServe(`--base-url ${server.url} --num-prompts 3 --model any`);
    expect(code).toBe(0);
    expect(stdout).toContain('Prompts: words of about one token, as the server does not tokenize\n');
    expect(stdout).toContain('note: 3 answers came without usage');
    expect(stdout).toMatch(/^Total input tokens: {22}3072 /m);
    expect(stdout).toMatch(/^Total generated tokens: {18}6 /m);
  });

  test('takes keys, headers, sampling, chat and token ids to the server', async () => {
    const server = await fakeServer({ tokenize: true });
    const common = `--base-url ${server.url} --num-prompts 1 --input-len 5 --output-len 2`;
    await benchServe(
      `${common} --header x-a=1 x-b=two --temperature 0 --top-k 5 --extra-body {"top_p":0.5}`,
      {
        OPENAI_API_KEY: 'from-env',
      },
    );
    await benchServe(`${common} --backend openai-chat --api-key given --request-id-prefix mine-`);
    await benchServe(`${common} --prompt-type token-ids --vocab-size 9`);
    const [one, two, three] = server.asked;
    expect(one!.headers).toMatchObject({ authorization: 'Bearer from-env', 'x-a': '1', 'x-b': 'two' });
    expect(one!.body).toMatchObject({ temperature: 0, top_k: 5, top_p: 0.5 });
    expect(two!.url).toBe('/v1/chat/completions');
    expect(two!.headers).toMatchObject({ authorization: 'Bearer given', 'x-request-id': 'mine-0' });
    expect(three!.body['prompt']).toHaveLength(5);
    for (const id of three!.body['prompt'] as number[]) expect(id).toBeLessThan(9);
  });

  test('saves JSON under the name that vllm gives it, replays it as a trace, and adds lines', async () => {
    const home = folder();
    const server = await fakeServer({ tokenize: true, models: ['org/name'] });
    const saved = `--base-url ${server.url} --save-result --save-detailed --result-dir ${home}/new`;
    const flags =
      '--num-prompts 5 --input-len 9 --output-len 3 --request-rate 200 --max-concurrency 2 --label mine --metadata tp=2 gpu=none';
    expect((await benchServe(`${saved} ${flags}`)).code).toBe(0);
    const [name] = readdirSync(join(home, 'new'));
    expect(name).toMatch(/^mine-200\.0qps-concurrency2-name-\d{8}-\d{6}\.json$/);
    const path = join(home, 'new', name!);
    const result = JSON.parse(readFileSync(path, 'utf8'));
    expect(result).toMatchObject({
      label: 'mine',
      tp: '2',
      gpu: 'none',
      completed: 5,
      max_concurrency: 2,
      input_lens: [9, 9, 9, 9, 9],
      output_lens: [3, 3, 3, 3, 3],
      generated_texts: Array.from({ length: 5 }, () => ' t0 t1 t2'),
    });
    expect(server.mostAtOnce()).toBeLessThanOrEqual(2);

    const again = `--base-url ${server.url} --dataset-name trace --dataset-path ${path} --time-scale 0.5`;
    const file = `--append-result --result-filename ${home}/lines.json`;
    await benchServe(`${again} ${file}`);
    const { stdout } = await benchServe(`${again} ${file}`);
    const lines = readFileSync(join(home, 'lines.json'), 'utf8').split('\n');
    expect(lines.map(line => JSON.parse(line).total_input_tokens)).toEqual([45, 45]);
    expect(lines.map(line => Object.keys(JSON.parse(line)))).toEqual([
      expect.not.arrayContaining(['ttfts']),
      expect.anything(),
    ]);
    expect(stdout).toContain('Self timing is set, using the timestamps from the trace file.');
  });

  test('reads the ShareGPT file, its lengths counted by the server', async () => {
    const home = folder();
    const path = join(home, 'sharegpt.json');
    const turns = (...texts: string[]) => ({ conversations: texts.map(value => ({ from: 'x', value })) });
    writeFileSync(
      path,
      JSON.stringify([turns('what is it about ?', 'no one can know that'), turns('hi', 'no')]),
    );
    const server = await fakeServer({ tokenize: true });
    const { code, stdout } = await benchServe(
      `--base-url ${server.url} --dataset-name sharegpt --dataset-path ${path} --num-prompts 2`,
    );
    expect(code).toBe(0);
    expect(server.asked.map(({ body }) => [body['prompt'], body['max_tokens'], body['ignore_eos']])).toEqual(
      Array.from({ length: 2 }, () => ['what is it about ?', 5, undefined]),
    );
    expect(stdout).toContain('their tokens counted by the server');
    expect(stdout).toContain('1 conversations pass, so they come more than once');
  });

  test('prints JSON alone on stdout when asked', async () => {
    const server = await fakeServer({ tokenize: true });
    const { stdout, stderr } = await benchServe(
      `--base-url ${server.url} --num-prompts 2 --json --percentile-metrics e2el --metric-percentiles 50,90`,
    );
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ completed: 2, request_rate: 'inf', backend: 'openai' });
    expect(result).toHaveProperty('p90_e2el_ms');
    expect(result).not.toHaveProperty('mean_ttft_ms');
    expect(stderr).toContain('Starting main benchmark run...');
  });

  test('tests and warms up first, and counts neither', async () => {
    let refusals = 2;
    const server = await fakeServer({
      tokenize: true,
      first: (_, response) => {
        if (refusals === 0) return false;
        refusals--;
        response.writeHead(503).end();
        return true;
      },
    });
    const { code, stdout } = await benchServe(
      `--base-url ${server.url} --num-prompts 3 --num-warmups 4 --ready-check-timeout-sec 30`,
    );
    expect(code).toBe(0);
    expect(server.asked).toHaveLength(1 + 4 + 3);
    expect(server.asked.filter(({ headers }) => headers['x-request-id'] !== undefined)).toHaveLength(3);
    expect(stdout).toMatch(/^Successful requests: {21}3 /m);
  });
});

describe('what goes wrong', () => {
  test('some requests: counted, their messages shown once each, and no failure of the command', async () => {
    const server = await fakeServer({
      tokenize: true,
      complete: ({ index }, answer) => {
        if (index % 2 === 0)
          return void answer.response.writeHead(429).end('{"error":{"message":"queue is full"}}');
        answer.begin();
        answer.token('a', 'stop');
        answer.done();
      },
    });
    const { code, stdout, stderr } = await benchServe(`--base-url ${server.url} --num-prompts 6`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Failed requests: {25}3 /m);
    expect(stderr).toBe(
      'Failed requests during benchmark run detected:\nError 0: HTTP 429 Too Many Requests: queue is full (3 times)\n',
    );
  });

  test('all requests: exit 1, and there are no latencies to show', async () => {
    const unauthorized: Behaviour = {
      first: (_, response) => {
        response.writeHead(401).end('{"error":"Unauthorized"}');
        return true;
      },
    };
    const server = await fakeServer(unauthorized);
    const { code, stdout, stderr } = await benchServe(`--base-url ${server.url} --num-prompts 4 --model m`);
    expect(code).toBe(1);
    expect(stderr).toContain('Error 0: HTTP 401 Unauthorized: Unauthorized (4 times)\n');
    expect(stderr).toMatch(/quire: all 4 requests failed\n$/);
    expect(stdout).toMatch(/^Mean TTFT \(ms\): {26}- /m);
  });

  test.each([
    ['', 'quire: http://127.0.0.1:1: nobody answers (connection refused); is the server running?\n'],
    [
      '--ready-check-timeout-sec 0.1',
      'quire: the server was not ready within 0.1 s: http://127.0.0.1:1: nobody answers',
    ],
  ])('no server %s: exit 1, in words', async (flags, message) => {
    const { code, stdout, stderr } = await benchServe(`--port 1 ${flags}`);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(stdout).not.toContain('Benchmark Result');
  });

  test('a result that cannot be written is refused before anything is sent', async () => {
    const home = folder();
    writeFileSync(join(home, 'file'), '');
    const server = await fakeServer({ tokenize: true });
    const flags = `--base-url ${server.url} --save-result --result-dir ${home}/file`;
    await expect(benchServe(flags)).rejects.toThrow(/is not a folder/);
    // Which nobody, root included, can write to, though permissions have nothing against it.
    const nowhere = `--base-url ${server.url} --save-result --result-dir /proc/x`;
    await expect(benchServe(nowhere)).rejects.toThrow(/^--save-result \/proc\/x\/.*: no .* in \/proc/);
    expect(server.asked).toEqual([]);
  });

  test('Ctrl-C: what came so far is printed and saved, and the exit code is 130', async () => {
    const home = folder();
    const before = new Set(process.listeners('SIGINT'));
    const server = await fakeServer({
      tokenize: true,
      complete: ({ index }, answer) => {
        answer.begin();
        answer.token('a', index < 2 ? 'stop' : null);
        if (index < 2) answer.done();
        if (index !== 4) return;
        const [ours] = process.listeners('SIGINT').filter(listener => !before.has(listener));
        ours!('SIGINT');
      },
    });
    const { code, stdout, stderr } = await benchServe(
      `--base-url ${server.url} --num-prompts 5 --request-rate 100 --save-result --result-filename ${home}/r.json`,
    );
    expect(code).toBe(130);
    expect(stdout).toMatch(/^Successful requests: {21}2 /m);
    expect(stdout).toMatch(/^Failed requests: {25}0 /m);
    expect(stderr).toBe('quire: interrupted: 2 of 5 requests were over, 3 under way were given up\n');
    expect(JSON.parse(readFileSync(join(home, 'r.json'), 'utf8'))).toMatchObject({
      completed: 2,
      num_prompts: 5,
    });
    expect(process.listeners('SIGINT').filter(listener => !before.has(listener))).toEqual([]);
  });

  test('Ctrl-C before anything was sent is no result', async () => {
    const before = new Set(process.listeners('SIGINT'));
    const interrupt = () => {
      const [ours] = process.listeners('SIGINT').filter(listener => !before.has(listener));
      ours!('SIGINT');
    };
    const server = await fakeServer({
      first: () => {
        interrupt();
        return true;
      },
    });
    const { code, stderr } = await benchServe(
      `--base-url ${server.url} --save-result --result-filename never.json`,
    );
    expect(code).toBe(130);
    expect(stderr).toBe('quire: interrupted before the first request was sent\n');
    expect(existsSync('never.json')).toBe(false);
  });
});
