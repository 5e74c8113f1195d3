import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { modelFolder } from '../../../src/backends/model/hub.ts';
import { loadModel } from '../../../src/backends/model/load.ts';
import { ReferenceRunner } from '../../../src/backends/reference/runner.ts';
import { UsageError } from '../../../src/core/errors.ts';
import type { Structure } from '../../../src/core/sampling-params.ts';
import { completeParams, type SamplingOptions } from '../../../src/engine/complete-params.ts';
import { LLM } from '../../../src/engine/llm.ts';
import type { RequestOutput } from '../../../src/engine/outputs.ts';
import { StructureCompiler } from '../../../src/engine/structured/structure-compiler.ts';
import { type TinyOptions, tinyEngine } from '../../support/tiny-engine.ts';
import { tinyConfig, tinyWeights } from '../../support/tiny-model.ts';
import { cases } from './cases.ts';

const { tokenizer } = await loadModel(
  await modelFolder(join(import.meta.dirname, '../../../models/quire-stories')),
).then(async ({ tokenizer, weights }) => {
  await weights.close();
  return { tokenizer };
});
/** A random model with the vocabulary of the one that ships. */
const config = tinyConfig({ vocab: tokenizer.size, maxModelLen: 256 });
const structures = new StructureCompiler(tokenizer);
const detokenizer = (prompt: ArrayLike<number>) => tokenizer.detokenizer(prompt);

async function outputsOf(
  options: TinyOptions,
  asks: readonly (SamplingOptions & { readonly prompt?: readonly number[] })[],
) {
  const engine = await tinyEngine({ config, structures, detokenizer, blockSize: 8, blocks: 200, ...options });
  const outputs: RequestOutput[] = [];
  for (const [i, { prompt = [1, 5 + i], ...params }] of asks.entries()) {
    const added = engine.add({
      promptTokenIds: prompt,
      params: completeParams(params),
      onFinish: output => {
        outputs[i] = output;
      },
    });
    if ('rejected' in added) throw new Error(added.rejected);
  }
  await engine.drain();
  const lost = engine.devicesLost;
  engine.dispose();
  return { outputs, lost };
}

test('a random model gives what was asked for, with any batching, and the same as alone', async () => {
  let ended = 0;
  let preempted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          kind: fc.nat(2),
          seed: fc.nat(1000),
          n: fc.integer({ min: 1, max: 3 }),
          plain: fc.boolean(),
        }),
        {
          minLength: 1,
          maxLength: 5,
        },
      ),
      fc.constantFrom('vllm', 'sarathi', 'hf-static', 'fastgen'),
      fc.constantFrom(48, 400),
      async (asked, policy, blocks) => {
        const asks = asked.map(({ kind, seed, n, plain }) => ({
          seed,
          n: policy === 'hf-static' ? 1 : n,
          maxTokens: 60,
          ...(!plain && { structure: cases[kind]!.structure }),
        }));
        const { outputs } = await outputsOf({ policy, blocks }, asks);
        for (const [i, output] of outputs.entries()) {
          preempted += output.metrics.preemptions;
          for (const { text, finishReason } of output.outputs) {
            if (asked[i]!.plain || finishReason === 'length') continue;
            expect(finishReason).toBe('stop');
            expect([text, cases[asked[i]!.kind]!.fits(text)]).toEqual([text, true]);
            ended++;
          }
        }
        const first = await outputsOf({}, [{ ...asks[0]!, prompt: [1, 5] }]);
        expect(first.outputs[0]!.outputs.map(({ tokenIds }) => tokenIds)).toEqual(
          outputs[0]!.outputs.map(({ tokenIds }) => tokenIds),
        );
      },
    ),
    { numRuns: 25 },
  );
  expect(ended).toBeGreaterThan(40);
  expect(preempted).toBeGreaterThan(0);
});

test('a lost device does not lose the place in the structure', async () => {
  const asks = cases.map(({ structure }, seed) => ({ structure, seed, maxTokens: 60 }));
  const { outputs: whole } = await outputsOf({}, asks);
  let runs = 0;
  const { outputs, lost } = await outputsOf(
    {
      wrap: runner => ({
        config: runner.config,
        blockSize: runner.blockSize,
        numBlocks: runner.numBlocks,
        run: batch => {
          if (++runs % 5 !== 0) return runner.run(batch);
          return Promise.reject(Object.assign(new Error('gone'), { name: 'DeviceLost' }));
        },
        dispose: () => runner.dispose(),
      }),
    },
    asks,
  );
  expect(lost).toBeGreaterThan(2);
  expect(outputs.map(output => output.outputs[0]!.text)).toEqual(
    whole.map(output => output.outputs[0]!.text),
  );
});

test('an end comes only where the structure may end; a structure that is over does not wait for minTokens', async () => {
  const choice: Structure = { type: 'choice', choices: ['once', 'once upon a time'] };
  const runs = Array.from({ length: 20 }, (_, seed) => ({ structure: choice, seed, maxTokens: 40 }));
  const { outputs } = await outputsOf({}, runs);
  for (const { outputs: samples } of outputs) {
    expect(samples[0]!.finishReason).toBe('stop');
    expect(tokenizer.decode(samples[0]!.tokenIds)).toBe(samples[0]!.text);
    expect(samples[0]!.tokenIds.at(-1)).toBe(2);
  }
  const { outputs: late } = await outputsOf(
    {},
    runs.map(run => ({ ...run, minTokens: 12 })),
  );
  for (const { outputs: samples } of late) {
    expect(samples[0]!.finishReason).toBe('stop');
    expect(['once', 'once upon a time']).toContain(samples[0]!.text);
  }
  const short: Structure = { type: 'regex', pattern: '[a-z]{1,60}' };
  const { outputs: long } = await outputsOf({}, [{ structure: short, minTokens: 8, maxTokens: 80, seed: 3 }]);
  expect(long[0]!.outputs[0]!.tokenIds.length).toBeGreaterThanOrEqual(8);
});

test('ignoreEos: an output that is over ends all the same, without an end of sequence', async () => {
  const { outputs } = await outputsOf({}, [
    { structure: { type: 'choice', choices: ['red', 'green'] }, ignoreEos: true, maxTokens: 30, seed: 1 },
  ]);
  const [{ text, finishReason, tokenIds }] = outputs[0]!.outputs as [RequestOutput['outputs'][0]];
  expect(['red', 'green']).toContain(text);
  expect(finishReason).toBe('stop');
  expect(tokenIds).not.toContain(2);
});

test('greedy, penalties, bias and log-probabilities go with a structure', async () => {
  const { structure, fits } = cases[1]!;
  const { outputs } = await outputsOf({}, [
    { structure, temperature: 0, maxTokens: 60, repetitionPenalty: 2, logprobs: 2 },
    { structure, topK: 1, topP: 0.1, minP: 0.5, maxTokens: 60, logitBias: { 5: 100 } },
  ]);
  for (const output of outputs) {
    const [{ text, finishReason, tokenIds, logprobs }] = output.outputs as [RequestOutput['outputs'][0]];
    if (finishReason === 'stop') expect(fits(text)).toBe(true);
    if (logprobs) expect(logprobs.length).toBe(tokenIds.length);
  }
});

test('what cannot be is refused when it is asked for, and the engine serves on', async () => {
  const engine = await tinyEngine({ config, structures, detokenizer });
  const add = (structure: Structure) =>
    engine.add({ promptTokenIds: [1], params: completeParams({ structure, maxTokens: 5 }) });
  expect(() => add({ type: 'regex', pattern: '(?=a)' })).toThrow(UsageError);
  expect(() => add({ type: 'regex', pattern: '(' })).toThrow(/ends too early|not closed/);
  expect(() => add({ type: 'json_schema', schema: '{"not":{}}' })).toThrow(/not supported/);
  expect(engine.scheduler.numUnfinished).toBe(0);
  add({ type: 'choice', choices: ['a'] });
  await engine.drain();
  expect(engine.scheduler.numUnfinished).toBe(0);
  const plain = await tinyEngine({ config });
  expect(() =>
    plain.add({ promptTokenIds: [1], params: completeParams({ structure: { type: 'json_object' } }) }),
  ).toThrow(/load a model with its tokenizer/);
});

test('LLM: structure is a sampling parameter', async () => {
  const llm = await LLM.create({
    config,
    tokenizer,
    createRunner: ({ blockSize }) =>
      ReferenceRunner.create(config, tinyWeights(config), { blockSize, numBlocks: 64 }),
  });
  const [output] = await llm.generate('Once', { structure: cases[2]!.structure, seed: 4 });
  expect(cases[2]!.fits(output!.outputs[0]!.text)).toBe(true);
  llm.dispose();
});
