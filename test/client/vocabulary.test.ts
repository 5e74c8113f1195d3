import { describe, expect, test } from 'vitest';
import { PromptWriter } from '../../src/client/prompt-writer.ts';
import { waitForAnswer, waitForServer } from '../../src/client/ready.ts';
import { ServerError } from '../../src/client/server-error.ts';
import { findVocabulary, ServerTokenizer, supposedVocabulary } from '../../src/client/vocabulary.ts';
import { commonWords } from '../../src/client/words.ts';
import { uniqueTokens } from '../../src/sim/workload/tokens.ts';
import { fakeServer, idOf } from './fake-server.ts';
import { ask, clientOf } from './measure.ts';

/** A server whose tokenizer is this one. */
async function tokenizing(tokenize: (prompt: string, special: boolean) => number[]) {
  let calls = 0;
  const server = await fakeServer({
    first: (request, response) => {
      if (request.url !== '/tokenize') return false;
      calls++;
      let text = '';
      request.on('data', piece => {
        text += piece;
      });
      request.on('end', () => {
        const { prompt, add_special_tokens: special } = JSON.parse(text);
        response.end(JSON.stringify({ tokens: tokenize(prompt, special) }));
      });
      return true;
    },
  });
  const tokenizer = new ServerTokenizer(clientOf(server.url), 'fake');
  return { tokenizer, calls: () => calls };
}

describe('words', () => {
  test('that are one token each are found with few questions, and the start token', async () => {
    // As with many vocabularies, a word is another token, or two, where no blank is before it.
    const tokenize = (text: string) =>
      (text.match(/ ?[^ ]+/g) ?? []).flatMap(word => (/^ [^tw]/.test(word) ? [idOf(word)] : [2, idOf(word)]));
    const { tokenizer, calls } = await tokenizing((prompt, special) => [
      ...(special ? [1] : []),
      ...tokenize(prompt),
    ]);
    const found = await findVocabulary(tokenizer);
    const { words } = found;
    expect(words.length).toBeGreaterThanOrEqual(100);
    expect(words).toEqual(commonWords.filter(word => !/^[tw]/.test(word)).slice(0, words.length));
    const ids = words.map(word => idOf(` ${word}`));
    expect(found).toEqual({ words, ids, tokensPerWord: 1, lead: ' ', specialTokens: 1, isExact: true });
    const writer = new PromptWriter({ type: 'text', vocabulary: found, seed: 0 });
    const text = String(writer.write({ promptTokens: 40, outputTokens: 1, content: uniqueTokens(3) }));
    expect(tokenize(text)).toHaveLength(39);
    expect(calls()).toBeLessThan(110);
  });

  test('are taken as they are where none is one token: bytes, say', async () => {
    const { tokenizer, calls } = await tokenizing(prompt => [...Buffer.from(prompt)]);
    const found = await findVocabulary(tokenizer);
    expect(found.tokensPerWord).toBeGreaterThan(3);
    expect(found.specialTokens).toBe(0);
    expect(found.ids).toBeUndefined();
    expect(calls()).toBeLessThan(10);
    const writer = new PromptWriter({ type: 'text', vocabulary: found, seed: 0 });
    const text = String(writer.write({ promptTokens: 4000, outputTokens: 1, content: uniqueTokens(3) }));
    expect(text.length).toBeGreaterThan(3600);
    expect(text.length).toBeLessThan(4400);
  });

  test('are supposed where there is no tokenizer to ask', async () => {
    const server = await fakeServer();
    await expect(findVocabulary(new ServerTokenizer(clientOf(server.url), 'fake'))).rejects.toThrow(
      ServerError,
    );
    expect(supposedVocabulary.words.length).toBeGreaterThan(300);
    expect(new Set(supposedVocabulary.words).size).toBe(supposedVocabulary.words.length);
  });

  test('of texts are counted in their order', async () => {
    const { tokenizer } = await tokenizing(prompt => prompt.split(' ').map(idOf));
    const texts = Array.from({ length: 50 }, (_, i) => Array.from({ length: 1 + i }, () => 'w').join(' '));
    expect(await tokenizer.count(texts)).toEqual(texts.map((_, i) => 1 + i));
  });
});

describe('prompts', () => {
  const request = { promptTokens: 40, outputTokens: 1, content: uniqueTokens(3) };

  test('are as long as was asked, the start token with them', () => {
    const vocabulary = {
      words: ['a', 'b', 'c'],
      ids: [4, 5, 6],
      tokensPerWord: 1,
      lead: '',
      specialTokens: 1,
      isExact: true,
    };
    const write = (type: 'text' | 'token-ids', vocabSize?: number) =>
      new PromptWriter({ type, vocabulary, vocabSize, seed: 0 }).write(request);
    expect(String(write('text')).split(' ')).toHaveLength(39);
    const ids = write('token-ids') as number[];
    expect(ids).toHaveLength(40);
    expect(new Set(ids)).toEqual(new Set([4, 5, 6]));
    expect(Math.max(...(write('token-ids', 2) as number[]))).toBe(1);
  });

  test('of token ids need somebody who knows them', () => {
    expect(() => new PromptWriter({ type: 'token-ids', vocabulary: supposedVocabulary, seed: 0 })).toThrow(
      /--vocab-size/,
    );
  });
});

describe('a server that is slow to start', () => {
  test('is waited for, and then for its first answer', async () => {
    let refusals = 3;
    const server = await fakeServer({
      first: (_, response) => {
        if (refusals === 0) return false;
        refusals--;
        response.writeHead(503).end('{"error":{"message":"loading"}}');
        return true;
      },
    });
    const client = clientOf(server.url);
    await waitForServer(client, { timeout: 20, firstWait: 0.002 });
    expect(refusals).toBe(0);
    refusals = 2;
    const found = await waitForAnswer(async () => await ask(client), { timeout: 20, firstWait: 0.002 });
    expect(found.success).toBe(true);
    expect(refusals).toBe(0);
  });

  test('is given up in time, with the last thing it said, or with nothing', async () => {
    const server = await fakeServer({
      first: (_, response) => {
        response.writeHead(503).end('{"error":{"message":"loading"}}');
        return true;
      },
    });
    const options = { timeout: 0.05, firstWait: 0.01 };
    await expect(waitForServer(clientOf(server.url), options)).rejects.toThrow(
      'the server was not ready within 0.05 s: HTTP 503 Service Unavailable: loading',
    );
    const never = new Promise<never>(() => {});
    await expect(waitForAnswer(async () => await never, options)).rejects.toThrow('no answer in time');
  });

  test('is up when it refuses for good', async () => {
    const server = await fakeServer({
      first: (_, response) => {
        response.writeHead(401).end('{"error":"Unauthorized"}');
        return true;
      },
    });
    await waitForServer(clientOf(server.url), { timeout: 20 });
  });
});
