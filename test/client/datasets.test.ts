import { describe, expect, test } from 'vitest';
import { prefixRepetitionSamples } from '../../src/client/datasets/prefix-repetition.ts';
import { randomSamples } from '../../src/client/datasets/random.ts';
import { shareGptLikeSamples, shareGptSamples } from '../../src/client/datasets/sharegpt.ts';
import { readShareGpt } from '../../src/client/datasets/sharegpt-file.ts';
import { traceSamples } from '../../src/client/datasets/trace.ts';
import { PromptWriter } from '../../src/client/prompt-writer.ts';
import type { SampleRequest } from '../../src/client/sample-request.ts';
import { supposedVocabulary } from '../../src/client/vocabulary.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';

const writer = new PromptWriter({ type: 'text', vocabulary: supposedVocabulary, seed: 1 });
const wordsOf = (request: SampleRequest) => String(writer.write(request)).split(' ');

async function* bytesOf(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

describe('random', () => {
  const base = { count: 400, seed: 5, inputLen: 100, outputLen: 20, rangeRatio: 0.25, prefixLen: 8 };

  test('has lengths within the range, a common prefix, and nothing else in common', () => {
    const { requests } = randomSamples(base);
    const inputs = requests.map(({ promptTokens }) => promptTokens);
    expect([Math.min(...inputs), Math.max(...inputs)]).toEqual([83, 133]);
    const outputs = new Set(requests.map(({ outputTokens }) => outputTokens));
    expect([...outputs].sort((a, b) => a - b)).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
    const texts = requests.map(wordsOf);
    for (const [i, words] of texts.entries()) expect(words).toHaveLength(inputs[i]!);
    expect(new Set(texts.map(words => words.slice(0, 8).join(' '))).size).toBe(1);
    expect(new Set(texts.map(words => words.slice(8, 16).join(' '))).size).toBe(400);
  });

  test('is the same again with the same seed, and another text with another', () => {
    const text = (seed: number) =>
      new PromptWriter({ type: 'text', vocabulary: supposedVocabulary, seed }).write(
        randomSamples({ ...base, seed }).requests[0]!,
      );
    expect(text(5)).toBe(text(5));
    expect(text(5)).not.toBe(text(6));
    // The prefix too: a cache must not know it from an earlier run.
    expect(String(text(5)).split(' ').slice(0, 8)).not.toEqual(String(text(6)).split(' ').slice(0, 8));
  });

  test('refuses what would be empty', () => {
    expect(() => randomSamples({ ...base, inputLen: 1, rangeRatio: 0.5, prefixLen: 0 })).toThrow(
      /could be empty/,
    );
    expect(() => randomSamples({ ...base, rangeRatio: 1 })).toThrow(/below 1/);
    expect(randomSamples({ ...base, inputLen: 0, rangeRatio: 0 }).requests[0]!.promptTokens).toBe(8);
  });
});

describe('prefix_repetition', () => {
  const base = { count: 23, seed: 2, prefixLen: 12, suffixLen: 5, numPrefixes: 4, outputLen: 9 };

  test('sends each prefix as often, in a random order, with its own endings', () => {
    const { requests, notes } = prefixRepetitionSamples(base);
    expect(requests).toHaveLength(20);
    expect(notes).toEqual(['20 prompts instead of 23: as many for each of 4 prefixes']);
    const texts = requests.map(wordsOf);
    const prefixes = texts.map(words => words.slice(0, 12).join(' '));
    const counts = new Map<string, number>();
    for (const prefix of prefixes) counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    expect([...counts.values()]).toEqual([5, 5, 5, 5]);
    expect(new Set(texts.map(words => words.slice(12).join(' '))).size).toBe(20);
    const inOrder = prefixes.filter((prefix, i) => i > 0 && prefix === prefixes[i - 1]).length;
    expect(inOrder, 'neighbours that are the same, of 16 in order').toBeLessThan(12);
  });

  test('refuses more prefixes than prompts', () => {
    expect(() => prefixRepetitionSamples({ ...base, count: 3 })).toThrow(/--num-prompts 3 is less than/);
  });
});

describe('sharegpt', () => {
  test('without a file has lengths like it', () => {
    const { requests, notes } = shareGptLikeSamples({ count: 4000, seed: 0 });
    const mean = requests.reduce((sum, { promptTokens }) => sum + promptTokens, 0) / 4000;
    expect(mean).toBeGreaterThan(140);
    expect(mean).toBeLessThan(182);
    expect(notes[0]).toContain('--dataset-path');
  });

  const turns = (...values: string[]) => ({
    id: 'x',
    conversations: values.map(value => ({ from: 'human', value })),
  });
  const words = (count: number, word = 'w') => Array.from({ length: count }, () => word).join(' ');
  const counter = async (texts: readonly string[]) => texts.map(text => text.split(' ').length);

  test('reads a file in pieces of any size: quotes, brackets and characters of several bytes', async () => {
    const entries = [
      turns('a "quoted\\" [bracket', 'an {answer} 🦙'),
      turns('alone'),
      { id: 'none' },
      turns('čeština\n', 'ano', 'third'),
    ];
    const expected = [
      { prompt: 'a "quoted\\" [bracket', answer: 'an {answer} 🦙' },
      { prompt: 'čeština\n', answer: 'ano' },
    ];
    for (const size of [1, 2, 3, 7, 64, 100_000]) {
      for (const indent of [undefined, 2]) {
        const text = JSON.stringify(entries, undefined, indent);
        expect(await readShareGpt(bytesOf(text, size), 's.json')).toEqual(expected);
      }
    }
  });

  test.each([
    ['{"a": 1}', /expected a JSON list/],
    ['', /expected a JSON list/],
    ['[{"conversations": []}]', /1 entries, and none has/],
    ['[{"conversations": [{"value": "a"}', /ends in the middle/],
    ['[{bad}]', /entry 1 is not JSON/],
  ])('says what is wrong with %s', async (text, message) => {
    await expect(readShareGpt(bytesOf(text), 's.json')).rejects.toThrow(message);
  });

  test("takes what vllm bench's filter takes, again from the beginning where there is too little", async () => {
    const of = (prompt: number, answer: number) => ({
      prompt: words(prompt, `p${prompt}`),
      answer: words(answer),
    });
    const all = [of(3, 10), of(4, 4), of(1025, 10), of(1024, 1024), of(1000, 1049), of(10, 3)];
    const { requests, notes } = await shareGptSamples(all, 's.json', { count: 5, seed: 0 }, counter);
    const lengths = requests.map(({ promptTokens, outputTokens }) => `${promptTokens}+${outputTokens}`);
    expect(new Set(lengths)).toEqual(new Set(['4+4', '1024+1024']));
    expect(lengths).toHaveLength(5);
    expect(notes).toEqual(['s.json: 2 conversations pass, so they come more than once']);
    expect(requests.find(({ promptTokens }) => promptTokens === 4)!.content).toBe(words(4, 'p4'));
    const given = await shareGptSamples(all, 's.json', { count: 9, seed: 0, outputLen: 2 }, counter);
    expect(
      new Set(given.requests.map(({ promptTokens, outputTokens }) => `${promptTokens}+${outputTokens}`)),
    ).toEqual(new Set(['4+2', '1024+2', '1000+2', '10+2']));
    await expect(shareGptSamples([of(1, 1)], 's.json', { count: 5, seed: 0 }, counter)).rejects.toThrow(
      /no conversation/,
    );
  });
});

describe('trace', () => {
  test('keeps times, lengths, shared content and what vLLM understands of the rest', async () => {
    const rows = [
      { timestamp: 0, input_length: 700, output_length: 5, hash_ids: [1, 2] },
      { timestamp: 2000, input_length: 600, output_length: 6, hash_ids: [1, 3] },
    ];
    const text = rows.map(row => JSON.stringify(row)).join('\n');
    const trace = await openTrace(bytesOf(text), { fileName: 't.jsonl', content: true, timeScale: 0.5 });
    const { requests } = await traceSamples(trace);
    expect(
      requests.map(({ promptTokens, outputTokens, timestamp }) => [promptTokens, outputTokens, timestamp]),
    ).toEqual([
      [700, 5, 0],
      [600, 6, 1],
    ]);
    const [one, two] = requests.map(wordsOf);
    expect(one).toHaveLength(700);
    expect(one!.slice(0, 512)).toEqual(two!.slice(0, 512));
    expect(one!.slice(512, 600)).not.toEqual(two!.slice(512));
  });

  test('sends priority and cache salt, and one of several answers', async () => {
    const row = { arrival_s: 1, input_tokens: 3, output_tokens: [4, 9], priority: 2, cache_salt: 'tenant' };
    const trace = await openTrace(bytesOf(JSON.stringify(row)), { fileName: 't.jsonl', content: true });
    const { requests, notes } = await traceSamples(trace);
    expect(requests[0]).toMatchObject({ outputTokens: 9, overrides: { priority: 2, cache_salt: 'tenant' } });
    expect(notes).toEqual(['t.jsonl: 1 requests ask for several answers; one of each is sent for']);
  });
});
