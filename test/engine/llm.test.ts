import { afterAll, beforeAll, expect, test } from 'vitest';
import { ReferenceRunner } from '../../src/backends/reference/runner.ts';
import { UsageError } from '../../src/core/errors.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { LLM, type LlmOptions } from '../../src/engine/llm.ts';
import { openStories, storiesFolder } from '../support/stories.ts';
import { tinyConfig, tinyWeights } from '../support/tiny-model.ts';

const { golden } = openStories();
const open: LLM[] = [];

async function load(options: Partial<LlmOptions> = {}): Promise<LLM> {
  const llm = await LLM.load({ model: storiesFolder, backend: 'reference', numBlocks: 200, ...options });
  open.push(llm);
  return llm;
}

afterAll(() => {
  for (const llm of open) llm.dispose();
});

/** Prompts that begin as the golden text does, and go on with it. */
const lengths = [1, 40, 17, 90, 3, 64];
const prompts = lengths.map(length => ({
  promptTokenIds: [...golden.prompt_token_ids, ...golden.greedy_token_ids].slice(0, length),
}));

test.each(policies.map(({ name }) => name))(
  '%s tells the known story, from wherever it goes on',
  async policy => {
    const llm = await load({ policy, maxNumSeqs: 4, maxModelLen: 200 });
    const outputs = await llm.generate(prompts, { temperature: 0, maxTokens: 40 });
    for (const [i, { outputs: samples, promptTokenIds }] of outputs.entries()) {
      expect(promptTokenIds).toEqual(prompts[i]!.promptTokenIds);
      const from = lengths[i]! - golden.prompt_token_ids.length;
      expect(samples[0]!.tokenIds).toEqual(golden.greedy_token_ids.slice(from, from + 40));
    }
    expect(llm.summary).toMatchObject({ requests: 6, outputTokens: 240 });
  },
);

let llm: LLM;
beforeAll(async () => {
  llm = await load();
});

test('the empty prompt is the start token alone, and the text is the known one', async () => {
  const count = golden.greedy_token_ids.length;
  const [output] = await llm.generate('', { temperature: 0, maxTokens: count });
  expect(output!.promptTokenIds).toEqual(golden.prompt_token_ids);
  expect(output!.prompt).toBe('');
  expect(output!.outputs).toEqual([
    {
      index: 0,
      text: golden.greedy_text,
      tokenIds: golden.greedy_token_ids,
      finishReason: 'length',
      stopReason: undefined,
    },
  ]);
});

test('outputs are in the order of the prompts, and each has its own parameters', async () => {
  const progress: [number, number][] = [];
  const updates: string[] = ['', '', ''];
  const outputs = await llm.generate(
    ['Once upon', 'The dog', 'One day, Tom'],
    [
      { temperature: 0, maxTokens: 30 },
      { temperature: 0.8, seed: 1, maxTokens: 5, n: 2 },
      { temperature: 0, maxTokens: 60, stop: '.' },
    ],
    {
      onProgress: ({ finished, total }) => progress.push([finished, total]),
      onUpdate: ({ text, index }, prompt) => {
        if (index === 0) updates[prompt] += text;
      },
    },
  );
  expect(outputs.map(({ prompt }) => prompt)).toEqual(['Once upon', 'The dog', 'One day, Tom']);
  expect(outputs.map(({ outputs }) => outputs.length)).toEqual([1, 2, 1]);
  expect(updates).toEqual(outputs.map(({ outputs }) => outputs[0]!.text));
  expect(outputs[0]!.outputs[0]!.text).toMatch(/^ a time/);
  expect(outputs[2]!.outputs[0]).toMatchObject({ finishReason: 'stop', stopReason: '.' });
  expect(outputs[2]!.outputs[0]!.text).not.toContain('.');
  expect(progress[0]).toEqual([0, 3]);
  expect(progress.at(-1)).toEqual([3, 3]);
});

test('the summary counts what was generated, and where the memory was', async () => {
  await llm.generate(prompts, { temperature: 0, maxTokens: 10 });
  const summary = llm.summary!;
  const promptTokens = lengths.reduce((sum, length) => sum + length, 0);
  expect(summary).toMatchObject({ requests: 6, promptTokens, outputTokens: 60, preemptions: 0 });
  expect(summary.outputThroughput).toBeCloseTo(60 / summary.seconds, 6);
  expect(summary.busy).toBeLessThanOrEqual(summary.seconds);
  // The prompts are prefixes of one text, and that was computed by the test before.
  expect(summary.cachedTokens).toBeGreaterThan(100);
  const { capacity, peakTokens, shares } = summary.memory;
  expect(capacity).toBe(3200);
  expect(peakTokens).toBeGreaterThan(90);
  expect(Object.values(shares).reduce((sum, share) => sum + share)).toBeCloseTo(1, 6);
});

test('one prompt that cannot be served is named, and none is run', async () => {
  const long = { promptTokenIds: Array<number>(600).fill(5) };
  const all = llm.generate([...prompts, long], { maxTokens: 3 });
  await expect(all).rejects.toThrow('prompt 7 cannot be served: prompt of 600 tokens, the context is 512');
  expect(llm.engine.scheduler.numUnfinished).toBe(0);
  expect(await llm.generate(prompts[0]!, { temperature: 0, maxTokens: 3 })).toHaveLength(1);
});

test('a signal ends what runs, with what there is', async () => {
  const stop = new AbortController();
  const outputs = await llm.generate(
    prompts,
    { temperature: 0, maxTokens: 100 },
    {
      signal: stop.signal,
      onProgress: ({ outputTokens }) => {
        if (outputTokens >= 30) stop.abort();
      },
    },
  );
  for (const { outputs: samples } of outputs) {
    expect(samples[0]!.finishReason).toBe('abort');
    expect(samples[0]!.tokenIds.length).toBeLessThan(100);
  }
});

test('two calls at once, and lists of different lengths, are refused', async () => {
  const first = llm.generate(prompts[0]!, { maxTokens: 4 });
  await expect(llm.generate(prompts[0]!)).rejects.toThrow('generate is running already');
  await first;
  await expect(llm.generate(prompts, [{}, {}])).rejects.toThrow('2 sampling parameters for 6 prompts');
});

test.each<[Partial<LlmOptions>, string]>([
  [{ policy: 'vlm' }, 'there is no policy "vlm": there are hf-static'],
  [{ backend: 'cuda' as 'webgpu' }, 'there is no backend "cuda": there are webgpu, reference'],
  [{ maxModelLen: 513 }, 'maxModelLen is 513, but the model was made for a context of 512'],
  [
    { maxModelLen: 400, numBlocks: 20 },
    'maxModelLen 400 does not fit: the KV memory of 320 slots holds 320 tokens',
  ],
  [{ policy: 'orca-max', maxModelLen: 400, numBlocks: 31 }, 'holds 256 tokens of one request under orca-max'],
  [{ policy: 'vllm-v0', maxNumBatchedTokens: 100 }, 'vllm-v0 runs prompts whole: maxNumBatchedTokens 100'],
  [{ maxNumSeqs: 0 }, 'maxNumSeqs is 0, but must be a whole number from 1 on'],
  [{ dtype: 'f16' }, 'the reference backend computes in f32'],
  [
    { numBlocks: undefined, gpuMemory: 1000 },
    '1000 bytes hold no KV block of 16 tokens, which takes 20480 bytes',
  ],
  [{ model: 'nowhere-at-all' }, 'nowhere-at-all'],
])('%j is refused', async (options, message) => {
  await expect(load(options)).rejects.toThrow(message);
});

test('a model without a tokenizer takes token ids, and says so to texts', async () => {
  const config = tinyConfig();
  const llm = await LLM.create({
    config,
    createRunner: ({ blockSize }) =>
      ReferenceRunner.create(config, tinyWeights(config), { blockSize, numBlocks: 8 }),
  });
  const [output] = await llm.generate({ promptTokenIds: [4, 5] }, { maxTokens: 3, ignoreEos: true });
  expect(output!.outputs[0]).toMatchObject({ text: '', finishReason: 'length' });
  await expect(llm.generate('text')).rejects.toThrow('a prompt of text needs a tokenizer');
});

test.each<[unknown, string]>([
  [undefined, 'prompts is undefined, but must be a text, or {promptTokenIds: [1, 403]}, or a list of such'],
  [{ prompt: 'x' }, 'prompts is {"prompt":"x"}, but must be a text, '],
  [['Hi', 5], 'prompt 2 is 5, but must be a text, or {promptTokenIds: [1, 403]}'],
  [['Hi', [1, 5]], 'prompt 2 is [1,5], but must be a text, or {promptTokenIds: '],
  [['Hi', { prompt: 'x' }], 'prompt 2 is {"prompt":"x"}, but must be a text, or {promptTokenIds: '],
  [{ promptTokenIds: 'abc' }, 'prompts is {"promptTokenIds":"abc"}, but must be '],
  [{ promptTokenIds: [1, 'a'] }, 'the prompt has token id "a", but '],
])('%j is no prompt', async (prompts, message) => {
  const refused = llm.generate(prompts as string);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow(message);
  expect(llm.engine.scheduler.numUnfinished).toBe(0);
});

test.each([undefined, null, 'a/b'])('%j are no options', async options => {
  const refused = LLM.load(options as unknown as LlmOptions);
  await expect(refused).rejects.toThrow(UsageError);
  await expect(refused).rejects.toThrow("must be an object such as {model: 'owner/name'}");
});

test('options that there are none of, a missing model, and a disposed LLM are named', async () => {
  const given = { model: storiesFolder, backend: 'reference', polcy: 'x' } as unknown as LlmOptions;
  await expect(LLM.load(given)).rejects.toThrow(/no option "polcy": there are model, policy, /);
  await expect(LLM.load({} as LlmOptions)).rejects.toThrow('model is undefined: name a folder');
  const gone = await LLM.load({ model: storiesFolder, backend: 'reference', numBlocks: 8 });
  gone.dispose();
  await expect(gone.generate('a')).rejects.toThrow('disposed of');
});
