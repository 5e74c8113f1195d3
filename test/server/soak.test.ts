import { expect, test } from 'vitest';
import { createRng } from '../../src/sim/rng.ts';
import { events, type Json, until } from './serving.ts';
import { complete, served } from './serving-process.ts';

/** Requests of all kinds that so many clients send, each the next when it has its answer. */
const ROUNDS = 10;
const CLIENTS = 10;

const person = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 8 }, age: { type: 'integer', minimum: 0, maximum: 99 } },
  required: ['name', 'age'],
};
const choices = ['yes', 'no', 'perhaps'];

const bad: readonly (readonly [body: object | string, status: number])[] = [
  ['{"prompt":', 400],
  [{ prompt: 'x', max_tokens: -3 }, 400],
  [{ prompt: 'x', n: 1000 }, 400],
  [{ prompt: 'x', model: 'nobody' }, 404],
  [{ prompt: 'x'.repeat(9000) }, 400],
  [{ prompt: 'x', structured_outputs: { regex: '(' } }, 400],
];

/** Counts by outcome, as the server says them. */
function endsOf(metrics: string): Record<string, number> {
  const ends: Record<string, number> = {};
  for (const [, outcome, count] of metrics.matchAll(
    /^quire:requests_ended_total\{.*outcome="(\w+)"\} (\d+)$/gm,
  )) {
    ends[outcome!] = (ends[outcome!] ?? 0) + Number(count);
  }
  return ends;
}

const gauge = (metrics: string, name: string) =>
  Number(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+-]+)$`, 'm').exec(metrics)?.[1]);

test('a mixed load on a real model leaves nothing behind: no block held, nobody running, each ended once', async () => {
  // Room for fewer than would run: some are preempted.
  const flags = '--backend reference --max-model-len 256 --num-gpu-blocks-override 24 --log-level warn';
  const run = await served(flags.split(' '), async url => {
    const text = async () => (await fetch(`${url}/metrics`)).text();
    const chat = async (body: object) =>
      (
        await fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        })
      ).json() as Promise<Json>;
    const expected = { completed: 0, client_disconnected: 0, invalid: 0, not_found: 0 };
    const random = createRng(1, 'soak');
    const upTo = (most: number) => 1 + Math.floor(random() * most);
    const prompt = () => 'once upon a time '.repeat(upTo(10)) + upTo(1000);
    const long = () => ({ prompt: prompt(), max_tokens: upTo(40), ignore_eos: true });

    const kinds: readonly (() => Promise<void>)[] = [
      async () => {
        const body = { ...long(), stream: true, n: upTo(3), stream_options: { include_usage: true } };
        const chunks = await events(await complete(url, body));
        expect(chunks.at(-1)).toBe('[DONE]');
        expect(chunks.at(-2).usage.completion_tokens).toBe(body.n * body.max_tokens);
        expected.completed++;
      },
      async () => {
        const { choices: said } = await chat({
          messages: [{ role: 'user', content: prompt() }],
          max_tokens: 12,
        });
        expect(said[0].message.content).toEqual(expect.any(String));
        expected.completed++;
      },
      // One that leaves in the middle of its stream.
      async () => {
        const gone = new AbortController();
        const body = { prompt: prompt(), max_tokens: 150, ignore_eos: true, stream: true };
        const { body: stream } = await complete(url, body, gone.signal);
        const reader = stream!.getReader();
        await reader.read();
        gone.abort();
        await expect(reader.read()).rejects.toThrow();
        expected.client_disconnected++;
      },
      async () => {
        const [body, status] = bad[upTo(bad.length) - 1]!;
        const response = await complete(url, body);
        expect(response.status).toBe(status);
        await response.text();
        if (status === 404) expected.not_found++;
        else expected.invalid++;
      },
      async () => {
        const body = { prompt: prompt(), n: 3, temperature: 1, structured_outputs: { choice: choices } };
        const { choices: said } = (await (await complete(url, body)).json()) as Json;
        expect(said).toHaveLength(3);
        for (const one of said) expect(choices).toContain(one.text);
        expected.completed++;
      },
      async () => {
        const format = { type: 'json_schema', json_schema: { name: 'person', schema: person } };
        const body = {
          messages: [{ role: 'user', content: prompt() }],
          max_tokens: 60,
          response_format: format,
        };
        const { choices: said } = await chat(body);
        if (said[0].finish_reason === 'stop')
          expect(JSON.parse(said[0].message.content)).toMatchObject({ name: expect.any(String) });
        expected.completed++;
      },
    ];
    let next = 0;
    const client = async () => {
      while (next < ROUNDS * kinds.length) await kinds[next++ % kinds.length]!();
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));

    await until(async () => {
      const ends = Object.values(endsOf(await text()));
      return ends.reduce((sum, count) => sum + count, 0) >= ROUNDS * kinds.length;
    }, 'all have ended');
    expect(endsOf(await text())).toMatchObject(expected);
    expect(Object.values(endsOf(await text())).reduce((sum, count) => sum + count, 0)).toBe(next);
    await until(async () => gauge(await text(), 'vllm:kv_cache_usage_perc') === 0, 'no block is held');
    const metrics = await text();
    expect(gauge(metrics, 'vllm:num_requests_running')).toBe(0);
    expect(gauge(metrics, 'vllm:num_requests_waiting')).toBe(0);
    expect(gauge(metrics, 'vllm:num_preemptions_total')).toBeGreaterThan(0);
    expect((await (await fetch(`${url}/load`)).json()) as Json).toEqual({ server_load: 0 });
    // What is left is free, or a prefix that may be found again.
    for (const [, kind, slots] of metrics.matchAll(/^quire:kv_slots\{.*kind="(\w+)"\} (\d+)$/gm)) {
      if (kind !== 'free' && kind !== 'cached') expect([kind, slots]).toEqual([kind, '0']);
    }
  });
  expect(run.code).toBe(0);
  // Who comes and goes is no warning.
  expect(run.stderr).toBe('');
});
