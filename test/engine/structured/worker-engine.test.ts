import { resolve } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import type { SamplingOptions } from '../../../src/engine/complete-params.ts';
import type { ModelArgs } from '../../../src/engine/engine-args.ts';
import type { EngineClient } from '../../../src/engine/engine-client.ts';
import { LocalEngine } from '../../../src/engine/local-engine.ts';
import { WorkerEngine } from '../../../src/engine/worker-engine.ts';
import { openSoftwareGpu } from '../../backends/webgpu/software-gpu.ts';
import { builtEngine } from '../built-engine.ts';
import { add, ask, Listening } from '../listening.ts';
import { cases } from './cases.ts';

const model = resolve(import.meta.dirname, '../../../models/quire-stories');
const built = builtEngine();
const reference = { model, backend: 'reference', numBlocks: 96, maxModelLen: 128 } as const;
const open: EngineClient[] = [];

afterEach(async () => {
  for (const engine of open.splice(0)) await engine.close();
});

function opened<T extends EngineClient>(engine: T): T {
  open.push(engine);
  return engine;
}

const inThread = async (args: ModelArgs) => opened(await WorkerEngine.load(args, { worker: built.worker }));

/** Asked for at once; some are bound to end by their structure. */
const asks: readonly SamplingOptions[] = [
  ...cases.map(({ structure }, seed) => ({ structure, seed, maxTokens: 60 })),
  { temperature: 0, maxTokens: 10 },
];

async function outputsOf(client: EngineClient) {
  const heard = await Promise.all(asks.map((params, i) => add(client, ask([1, 5 + i], params))));
  const outputs = await Promise.all(heard.map(listening => listening.output()));
  for (const [i, { updates }] of heard.entries())
    expect(updates.map(({ text }) => text).join('')).toBe(outputs[i]!.outputs[0]!.text);
  return outputs.map(({ outputs: samples }) => samples[0]!);
}

describe('structures in a thread', () => {
  test('hold, and give what they give in this one', async () => {
    const found = await outputsOf(await inThread(reference));
    const ended = cases.flatMap(({ fits }, i) =>
      found[i]!.finishReason === 'stop' ? [[found[i]!.text, fits(found[i]!.text)]] : [],
    );
    expect(ended.length).toBeGreaterThanOrEqual(2);
    expect(ended.filter(([, fit]) => !fit)).toEqual([]);
    const here = await outputsOf(opened(await LocalEngine.load(reference)));
    expect(found).toEqual(here);
  });

  test('that cannot be are refused as a user is told, and the engine serves on', async () => {
    const engine = await inThread(reference);
    const wrong = engine.add(
      ask([1], { structure: { type: 'regex', pattern: '(?=a)' }, maxTokens: 5 }),
      new Listening(),
    );
    const error = await wrong.catch(error => error);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/\(\?=/);
    const fine = await add(engine, ask([1], { structure: cases[2]!.structure, seed: 4, maxTokens: 20 }));
    expect(cases[2]!.fits((await fine.output()).outputs[0]!.text)).toBe(true);
    expect(engine.failure).toBeUndefined();
  });

  test('on a GPU of its own', async () => {
    // Says what to do where there is no software GPU.
    (await openSoftwareGpu()).destroy();
    const engine = await inThread({ ...reference, backend: 'webgpu', dtype: 'f32', maxNumSeqs: 8 });
    expect(engine.info.device).toContain('SwiftShader');
    const found = await outputsOf(engine);
    const here = await outputsOf(opened(await LocalEngine.load(reference)));
    expect(found.map(({ tokenIds }) => tokenIds)).toEqual(here.map(({ tokenIds }) => tokenIds));
  });
});
