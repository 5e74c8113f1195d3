import { expect, test } from 'vitest';
import type { Structure } from '../../../src/core/sampling-params.ts';
import { infoOf } from '../../../src/engine/loaded-engine.ts';
import { LocalEngine } from '../../../src/engine/local-engine.ts';
import { StructureCompiler } from '../../../src/engine/structured/structure-compiler.ts';
import { tinyEngine } from '../../support/tiny-engine.ts';
import { tinyConfig } from '../../support/tiny-model.ts';
import { add, ask, until } from '../listening.ts';

/** A letter each, and an end. */
const spelling = {
  size: 64,
  specialIds: new Set([2]),
  reads: 0,
  token(id: number): string {
    this.reads++;
    return String.fromCharCode(33 + id);
  },
};

async function served() {
  spelling.reads = 0;
  const structures = new StructureCompiler(spelling);
  const engine = await tinyEngine({ config: tinyConfig({ maxModelLen: 2048 }), blocks: 2048, structures });
  const info = infoOf(engine, { backend: 'reference', device: 'the CPU', dtype: 'f32', begin: 0 });
  return new LocalEngine({ engine, info });
}

test('the vocabulary is read when the engine is loaded, not when the first request waits for it', async () => {
  const engine = await served();
  expect(spelling.reads).toBeGreaterThan(60);
  const { reads } = spelling;
  const structure: Structure = { type: 'regex', pattern: '[A-F]{4}' };
  const heard = await add(engine, ask([3], { structure, maxTokens: 9 }));
  expect((await heard.output()).outputs[0]!.finishReason).toBe('stop');
  expect(spelling.reads).toBe(reads);
  await engine.close();
});

test('of many structures that come at once one is compiled between two steps; some are refused, one by one', async () => {
  const engine = await served();
  const running = await add(engine, ask([3], { maxTokens: 2000, ignoreEos: true }));
  await until(() => running.updates.length > 3);
  const tokensThen: number[] = [];
  const patterns = ['A{2}', '(A', 'B{2}', '(?=A)', 'C{2}', 'D{2}'];
  const asked = await Promise.allSettled(
    patterns.map(async pattern => {
      const structure: Structure = { type: 'regex', pattern };
      const adding = add(engine, ask([4], { structure, maxTokens: 4 }));
      adding.then(
        () => tokensThen.push(running.updates.length),
        () => tokensThen.push(running.updates.length),
      );
      return await (await adding).output();
    }),
  );
  expect(asked.map(({ status }) => status === 'fulfilled')).toEqual([true, false, true, false, true, true]);
  // Each was answered after a step of its own.
  expect(new Set(tokensThen).size).toBe(patterns.length);
  running.ticket.abort();
  await running.output();
  await engine.close();
});

test('who asks for what is compiled, or compiled meanwhile, does not wait for a step', async () => {
  const engine = await served();
  const running = await add(engine, ask([3], { maxTokens: 2000, ignoreEos: true }));
  await until(() => running.updates.length > 3);
  const structure: Structure = { type: 'regex', pattern: 'A{2}' };
  const before = running.updates.length;
  const heard = await Promise.all(
    Array.from({ length: 300 }, () => add(engine, ask([4], { structure, maxTokens: 4 }))),
  );
  expect(running.updates.length - before).toBeLessThan(200);
  const [one] = await Promise.all(heard.map(each => each.output()));
  expect(one!.outputs[0]!.tokenIds).toEqual([32, 32, 2]);
  running.ticket.abort();
  await running.output();
  await engine.close();
});

test('structures are kept for who asks again, few of them and not too large together', () => {
  const structures = new StructureCompiler(spelling);
  const large = (i: number): Structure => ({
    type: 'choice',
    choices: Array.from({ length: 2000 }, (_, k) => `A${(k * 7919 + i) % 10_007}B${(k * 104_729) % 99_991}`),
  });
  structures.compile(large(0));
  expect(structures.has(large(0))).toBe(true);
  let more = 1;
  while (structures.has(large(0)) && more < 64) structures.compile(large(more++));
  expect(more).toBeGreaterThan(5);
  expect(more).toBeLessThan(64);
  expect(structures.has(large(more - 1))).toBe(true);
});

test('structures that wait for the steps of a request do not wait for ever when it is aborted', async () => {
  const engine = await served();
  const running = await add(engine, ask([3], { maxTokens: 2000, ignoreEos: true }));
  await until(() => running.updates.length > 3);
  const structure = (i: number): Structure => ({ type: 'regex', pattern: `A{${i + 1}}` });
  const adding = Array.from({ length: 5 }, (_, i) =>
    add(engine, ask([4], { structure: structure(i), maxTokens: 9 })),
  );
  running.ticket.abort();
  const outputs = await Promise.all(adding.map(async one => (await one).output()));
  expect(outputs.map(({ outputs: [only] }) => only!.tokenIds.length)).toEqual([2, 3, 4, 5, 6]);
  await engine.close();
});

test('who waits for its structure when the engine closes is refused', async () => {
  const engine = await served();
  const structure: Structure = { type: 'regex', pattern: 'A+' };
  const adding = Array.from({ length: 5 }, () => add(engine, ask([4], { structure, maxTokens: 4 })));
  const refused = Promise.all(adding.map(one => expect(one).rejects.toThrow('the engine is closed')));
  await engine.close();
  await refused;
});
