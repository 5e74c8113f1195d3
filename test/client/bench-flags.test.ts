import { describe, expect, test } from 'vitest';
import { fakeServer } from './fake-server.ts';
import { refusal } from './run-bench.ts';

describe('flags that cannot be', () => {
  test.each([
    ['--num-prompts 0', '--num-prompts: expected a whole number of at least 1, found "0"'],
    ['--num-prompts 1.5', '--num-prompts: expected a whole number of at least 1, found "1.5"'],
    ['--request-rate 0', '--request-rate: expected a number above 0 or inf, found "0"'],
    ['--request-rate fast', '--request-rate: expected a number above 0 or inf, found "fast"'],
    ['--burstiness -1', '--burstiness: expected a number above 0 or inf, found "-1"'],
    ['--port 70000', '--port: expected a whole number of at least 1 up to 65535, found "70000"'],
    ['--max-concurrency 0', '--max-concurrency: expected a whole number of at least 1, found "0"'],
    ['--goodput itl:5', '--goodput: expected limits in ms'],
    ['--percentile-metrics ttft,foo', '--percentile-metrics: expected some of ttft, tpot, itl, e2el'],
    ['--metric-percentiles 101', '--metric-percentiles: expected numbers from 0 to 100'],
    ['--header novalue', '--header: expected key=value, found "novalue"'],
    ['--header a:b=1', '--header: "a:b=1" cannot be a header'],
    ['--metadata =1', '--metadata: expected key=value'],
    ['--extra-body [1]', '--extra-body: expected a JSON object, found "[1]"'],
    ['--base-url http://x', '--base-url: says where the server is; leave out --host and --port'],
    ['--endpoint v1/completions', '--endpoint: expected a path that begins with /'],
    [
      '--endpoint /v1/chat/completions',
      '--endpoint /v1/chat/completions: is the chat API: add --backend openai-chat',
    ],
    ['--backend openai-chat --endpoint /v1/completions', 'is not the chat API'],
    ['--save-detailed', '--save-detailed: nothing is saved'],
    [
      '--dataset-path x.json',
      '--dataset-path: has no effect on random; it is for --dataset-name sharegpt or trace',
    ],
    [
      '--dataset-name sharegpt --input-len 5',
      '--input-len: has no effect on sharegpt; it is for --dataset-name random',
    ],
    ['--dataset-name trace', '--dataset-name trace: name its file with --dataset-path'],
    ['--dataset-name trace --dataset-path x --request-rate 5', '--request-rate: the trace has its own times'],
    [
      '--dataset-name trace --dataset-path x --no-self-timed --time-scale 2',
      '--time-scale: without the times',
    ],
    ['--no-self-timed', '--no-self-timed: only a trace has times of its own'],
  ])('%s', async (flags, message) => {
    expect(await refusal(`--port 1 ${flags}`)).toContain(message);
  });

  test('an address that is none', async () => {
    expect(await refusal('--base-url ftp://x')).toBe(
      '--base-url: expected an address such as http://127.0.0.1:8000, found "ftp://x"',
    );
  });

  test.each([
    [
      '--prompt-type token-ids --backend openai-chat --vocab-size 5',
      '--prompt-type token-ids: chat takes messages',
    ],
    ['--prompt-type token-ids', 'give --vocab-size'],
    ['--dataset-name trace --dataset-path no-such-file', 'no-such-file: no such file'],
    ['--dataset-name prefix_repetition --num-prompts 3', '--num-prompts 3 is less than'],
  ])('once the server is asked: %s', async (flags, message) => {
    const server = await fakeServer();
    expect(await refusal(`--base-url ${server.url} ${flags}`)).toContain(message);
    expect(server.asked).toEqual([]);
  });
});
