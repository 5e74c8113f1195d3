import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoadedModel, loadModel } from '../../src/backends/model/load.ts';
import { ReferenceRunner } from '../../src/backends/reference/runner.ts';
import { handBatch } from '../support/hand-batch.ts';

interface Golden {
  readonly cases: readonly {
    readonly text: string;
    readonly promptTokenIds: readonly number[];
    readonly greedyTokenIds: readonly number[];
    readonly greedyText: string;
  }[];
  readonly tokenized: readonly { readonly text: string; readonly ids: readonly number[] }[];
}

const folder = join(import.meta.dirname, '../../models/quire-stories');
/** By Hugging Face Tokenizers and Transformers, the latter in f32 (models/quire-stories/training/evaluate.py). */
const golden: Golden = JSON.parse(
  await readFile(join(import.meta.dirname, 'quire-stories.golden.json'), 'utf8'),
);
let model: LoadedModel;

beforeAll(async () => {
  model = await loadModel(folder);
});
afterAll(() => model?.weights.close());

test('the model that ships takes at most 4 MB, the scripts that made it included', async () => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(entry => entry.isFile() && !entry.parentPath.endsWith('__pycache__'));
  const sizes = await Promise.all(
    files.map(async file => (await stat(join(file.parentPath, file.name))).size),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(4_000_000);
});

test('its texts have the token ids that Hugging Face Tokenizers gives them, and come back', () => {
  expect(golden.tokenized.length).toBeGreaterThan(4);
  for (const { text, ids } of golden.tokenized) {
    expect(model.tokenizer.encode(text, { addSpecialTokens: false }), text).toEqual(ids);
    expect(model.tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(text);
  }
  expect(model.tokenizer.encode('Once upon a time')[0]).toBe(model.config.bosTokenId);
});

test('its vocabulary covers every byte, and no id is beyond the embedding', () => {
  const bytes = String.fromCodePoint(...Array.from({ length: 0x250 }, (_, index) => index + 1));
  const ids = model.tokenizer.encode(bytes, { addSpecialTokens: false });
  expect(model.tokenizer.decode(ids, { skipSpecialTokens: false })).toBe(bytes);
  expect(model.tokenizer.size).toBe(model.config.vocab);
});

test('it goes on greedily as in Hugging Face Transformers', async () => {
  expect(golden.cases).toHaveLength(5);
  const blockSize = 16;
  const numBlocks = model.config.maxModelLen / blockSize;
  const runner = await ReferenceRunner.create(model.config, model.weights, { blockSize, numBlocks });
  const table = Array.from({ length: numBlocks }, (_, block) => block);
  for (const { text, promptTokenIds, greedyTokenIds, greedyText } of golden.cases) {
    expect(model.tokenizer.encode(text, { addSpecialTokens: false })).toEqual(promptTokenIds);
    const output: number[] = [];
    let row = { tokens: promptTokenIds, start: 0, table };
    while (output.length < greedyTokenIds.length) {
      const [drawn] = await runner.run(handBatch([row], blockSize));
      output.push(drawn!.token);
      row = { tokens: [drawn!.token], start: row.start + row.tokens.length, table };
    }
    expect(output).toEqual(greedyTokenIds);
    expect(model.tokenizer.decode(output, { skipSpecialTokens: false })).toBe(greedyText);
  }
  runner.dispose();
});
