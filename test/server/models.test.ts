import { expect, test } from 'vitest';
import { parseAlias, pickTarget } from '../../src/server/alias.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { fakeEngine, type Json, metric, ok, servedModel, testServer } from './serving.ts';

function twoModels() {
  const engines = { a: fakeEngine(), b: fakeEngine() };
  const models = new ModelList(
    [servedModel(engines.a, { id: 'A' }), servedModel(engines.b, { id: 'B' })],
    [parseAlias('small=A'), parseAlias('prod=A:90,B:10')],
  );
  return { engines, models };
}

test('several models answer to their names, aliases to theirs', async () => {
  const { engines, models } = twoModels();
  const { app, metrics } = testServer({ models });
  expect(models.names).toEqual(['A', 'B', 'small', 'prod']);
  expect((await ok(app, '/v1/completions', { prompt: 'x', model: 'B' })).model).toBe('B');
  expect([engines.a.asks.length, engines.b.asks.length]).toEqual([0, 1]);
  expect((await ok(app, '/v1/completions', { prompt: 'x', model: 'small' })).model).toBe('small');
  expect(engines.a.asks.length).toBe(1);
  for (let i = 0; i < 100; i++) {
    expect((await ok(app, '/v1/completions', { prompt: 'x', model: 'prod', max_tokens: 1 })).model).toBe(
      'prod',
    );
  }
  const [a, b] = [engines.a.asks.length - 1, engines.b.asks.length - 1];
  expect(a + b).toBe(100);
  expect(Math.abs(a - 90)).toBeLessThanOrEqual(2);
  const success = (model: string) =>
    metric(metrics, `vllm:request_success_total{model_name="${model}",engine="0",finished_reason="length"}`);
  expect([await success('A'), await success('B'), await success('prod')]).toEqual([a + 1, b + 1, 0]);
  const card = (await (await app.request('/v1/models/small')).json()) as Json;
  expect(card).toMatchObject({ id: 'small', parent: 'A' });
});

test('shares of an alias hold over any stretch', () => {
  const alias = parseAlias('prod=A:3,B:1,C:0');
  for (let start = 0; start < 1000; start += 37) {
    const picked = Array.from({ length: 200 }, (_, i) => pickTarget(alias, start + i));
    expect(picked).not.toContain('C');
    expect(Math.abs(picked.filter(model => model === 'A').length - 150)).toBeLessThanOrEqual(3);
  }
});

test('aliases that cannot be are refused', () => {
  const model = servedModel(fakeEngine(), { id: 'A' });
  for (const text of ['', 'x', '=A', 'x=', 'x=A:', 'x=A:-1', 'x=A:0', 'x=A:1,']) {
    expect(() => parseAlias(text), text).toThrow('--alias: expected NAME=MODEL');
  }
  expect(() => new ModelList([model], [parseAlias('A=A')])).toThrow('the name is taken');
  expect(() => new ModelList([model], [parseAlias('x=a')])).toThrow('did you mean A?');
  expect(() => new ModelList([model, model])).toThrow('--served-model-name');
});
