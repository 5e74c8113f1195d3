import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { checkError, type Json, metric, post, servedModel, shipped, testServer, until } from './serving.ts';

const small = fc.integer({ min: -3, max: 8 });
const odd = fc.oneof(
  fc.constantFrom(null, true, false, '', 'x', -1, 0, 1, 1.5, 1e308, 2 ** 53, [], {}, [null], { a: 1 }),
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>,
);
/** Mostly what a field may be, sometimes anything. */
const mostly = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: odd });

/** Left out more often than not, or no body would be taken. */
const some = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: mostly(right) });

const text = fc.string({ unit: 'binary', maxLength: 20 });
const id = fc.integer({ min: -1, max: 1600 });
const ids = fc.array(id, { maxLength: 6 });

const common = {
  model: some(fc.constantFrom('stories', 'other', undefined)),
  stream: some(fc.boolean()),
  stream_options: some(fc.record({ include_usage: fc.boolean(), continuous_usage_stats: fc.boolean() })),
  n: some(fc.integer({ min: 0, max: 3 })),
  max_tokens: some(small),
  min_tokens: some(small),
  temperature: some(fc.double({ min: -0.1, max: 2, noNaN: true })),
  top_p: some(fc.double({ min: 0, max: 1, noNaN: true })),
  top_k: some(small),
  min_p: some(fc.double({ min: 0, max: 1, noNaN: true })),
  presence_penalty: some(fc.double({ min: -2.1, max: 2, noNaN: true })),
  repetition_penalty: some(fc.double({ min: 0, max: 2, noNaN: true })),
  seed: some(fc.integer()),
  stop: some(fc.oneof(text, fc.array(text, { maxLength: 3 }))),
  stop_token_ids: some(ids),
  include_stop_str_in_output: some(fc.boolean()),
  skip_special_tokens: some(fc.boolean()),
  ignore_eos: some(fc.boolean()),
  logit_bias: some(fc.dictionary(fc.oneof(id.map(String), text), fc.double({ noNaN: true }))),
  echo: some(fc.boolean()),
  priority: some(fc.constantFrom(0, 0, 0, 1)),
  cache_salt: some(text),
  return_token_ids: some(fc.boolean()),
  truncate_prompt_tokens: some(small),
  response_format: some(fc.constantFrom({ type: 'text' }, { type: 'json_object' })),
  best_of: some(small),
  user: some(text),
};

const completion = fc.record(
  {
    ...common,
    prompt: mostly(fc.oneof(text, fc.array(text, { maxLength: 3 }), ids, fc.array(ids, { maxLength: 3 }))),
    logprobs: some(small),
    suffix: some(fc.constant(null)),
  },
  { requiredKeys: ['prompt'] },
);

const message = mostly(
  fc.record(
    {
      role: mostly(fc.constantFrom('system', 'user', 'assistant')),
      content: mostly(fc.oneof(text, fc.array(fc.record({ type: fc.constant('text'), text })))),
      name: mostly(text),
    },
    { requiredKeys: ['role', 'content'] },
  ),
);

const chat = fc.record(
  {
    ...common,
    messages: mostly(fc.array(message, { minLength: 1, maxLength: 3 })),
    max_completion_tokens: some(small),
    logprobs: some(fc.boolean()),
    top_logprobs: some(small),
    add_generation_prompt: some(fc.boolean()),
    continue_final_message: some(fc.boolean()),
    tools: some(fc.constant(null)),
    chat_template_kwargs: some(fc.dictionary(text, odd as fc.Arbitrary<Json>)),
  },
  { requiredKeys: ['messages'] },
);

test.each([
  ['/v1/completions', completion],
  ['/v1/chat/completions', chat],
] as const)(
  '%s: whatever the body, an answer or an error in its shape, and nothing is left behind',
  async (path, bodies) => {
    const { app, engine, metrics, lifecycle, lines } = testServer();
    let sent = 0;
    let served = 0;
    await fc.assert(
      fc.asyncProperty(bodies, async body => {
        sent++;
        const response = await post(app, path, body);
        const answer = await response.text();
        if (response.status === 200) {
          served++;
          if (response.headers.get('content-type')!.startsWith('text/event-stream')) {
            expect(answer).toMatch(/^data: (.*\n\n)+data: \[DONE\]\n\n$/s);
            expect(answer).not.toContain('"error"');
          } else expect(JSON.parse(answer).choices.length).toBeGreaterThan(0);
        } else {
          expect([400, 404, 501]).toContain(response.status);
          checkError(response.status, JSON.parse(answer));
        }
        expect([engine.open, engine.stats().usage.token, lifecycle.load]).toEqual([0, 0, 0]);
      }),
      { numRuns: 1500 },
    );
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
    // A fuzz that is always refused at the door tests the door only.
    expect(served).toBeGreaterThan(30);
    const total = await Promise.all(
      ['stories', ''].flatMap(model =>
        ['completed', 'invalid', 'not_found'].map(outcome =>
          metric(
            metrics,
            `quire:requests_ended_total{model_name="${model}",engine="${model === '' ? '' : '0'}",endpoint="${path}",outcome="${outcome}"}`,
          ),
        ),
      ),
    );
    expect(total.reduce((sum, count) => sum + count, 0)).toBe(sent);
  },
);

test('/tokenize and /detokenize, too', async () => {
  const { app, lines } = testServer();
  const body = fc.oneof(
    fc.record({ prompt: mostly(text), add_special_tokens: mostly(fc.boolean()) }),
    fc.record({ messages: mostly(fc.array(message, { maxLength: 2 })) }),
    fc.record({ tokens: mostly(ids) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('/tokenize', '/detokenize'), body, async (path, sent) => {
      const response = await post(app, path, sent);
      const answer = await response.json();
      if (response.status === 200) return;
      expect(response.status).toBe(400);
      checkError(400, answer);
    }),
    { numRuns: 600 },
  );
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test('a real engine takes whatever the door lets through, and gives all its blocks back', async () => {
  const engine = await LocalEngine.load({ backend: 'reference', model: shipped, numBlocks: 64 });
  onTestFinished(() => engine.close());
  const { app, lines } = testServer({ models: new ModelList([servedModel(engine)]) });
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(completion, async body => {
      const response = await post(app, '/v1/completions', body);
      const answer = await response.text();
      statuses.add(response.status);
      expect([200, 400, 404, 501]).toContain(response.status);
      expect(answer).not.toContain('InternalServerError');
    }),
    { numRuns: 80 },
  );
  expect(statuses).toContain(200);
  await until(() => {
    const { running, waiting, usage } = engine.stats();
    return running + waiting + usage.token + usage.reserved + usage.internal === 0;
  }, 'all blocks are free');
  expect(engine.failure).toBeUndefined();
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
});
