import {
  type Attributes,
  type Context,
  propagation,
  type Span,
  type SpanOptions,
  type TextMapPropagator,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { afterEach, expect, test } from 'vitest';
import { silent } from '../../src/server/log.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { defaultOptions } from '../../src/server/options.ts';
import { Server } from '../../src/server/server.ts';
import { fakeEngine, ok, post, servedModel, testServer } from './serving.ts';

interface Told {
  readonly name: string;
  readonly attributes: Attributes;
  ended: boolean;
  parent: string | undefined;
}

const key = Symbol('parent') as symbol & { readonly __brand?: never };

/** A stand-in for an SDK: keeps what it is told. */
function register(forceFlush?: () => Promise<void>): Told[] {
  const spans: Told[] = [];
  const startSpan = (name: string, options: SpanOptions = {}, context?: Context): Span => {
    const told: Told = {
      name,
      attributes: { ...options.attributes },
      ended: false,
      parent: context?.getValue(key) as string | undefined,
    };
    spans.push(told);
    const span = {
      setAttribute: (attribute: string, value: string) => {
        told.attributes[attribute] = value;
        return span;
      },
      setAttributes: (attributes: Attributes) => {
        Object.assign(told.attributes, attributes);
        return span;
      },
      setStatus: () => span,
      end: () => {
        told.ended = true;
      },
    };
    return span as unknown as Span;
  };
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as never, forceFlush } as TracerProvider);
  const w3c: TextMapPropagator = {
    inject: () => undefined,
    extract: (context, carrier, getter) =>
      context.setValue(key, String(getter.get(carrier, 'traceparent') ?? 'none')),
    fields: () => ['traceparent'],
  };
  propagation.setGlobalPropagator(w3c);
  return spans;
}

afterEach(() => {
  trace.disable();
  propagation.disable();
});

test("one span a request with vLLM's attributes, below that of the client", async () => {
  const spans = register();
  const { app } = testServer();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const response = await post(
    app,
    '/v1/completions',
    { prompt: 'x', max_tokens: 4, temperature: 0.5, n: 2 },
    { headers: { traceparent, 'x-request-id': 'r1' } },
  );
  expect(response.status).toBe(200);
  expect(spans).toEqual([
    {
      name: 'llm_request',
      ended: true,
      parent: traceparent,
      attributes: {
        'gen_ai.request.id': 'r1',
        'gen_ai.response.model': 'stories',
        'gen_ai.request.temperature': 0.5,
        'gen_ai.request.top_p': 1,
        'gen_ai.request.max_tokens': 4,
        'gen_ai.request.n': 2,
        'gen_ai.usage.num_sequences': 2,
        'gen_ai.usage.prompt_tokens': 2,
        'gen_ai.usage.completion_tokens': 8,
        'gen_ai.latency.time_in_queue': expect.any(Number),
        'gen_ai.latency.time_to_first_token': expect.any(Number),
        'gen_ai.latency.time_in_model_prefill': expect.any(Number),
        'gen_ai.latency.time_in_model_decode': expect.any(Number),
        'gen_ai.latency.time_in_model_inference': expect.any(Number),
        'gen_ai.latency.e2e': expect.any(Number),
        'http.response.status_code': 200,
        'quire.outcome': 'completed',
      },
    },
  ]);
});

test('a refused request has its span, too; without an SDK there is none and nothing fails', async () => {
  const { app } = testServer();
  await ok(app, '/v1/completions', { prompt: 'x' });
  const spans = register();
  await post(app, '/v1/completions', { prompt: 5 });
  expect(spans).toMatchObject([{ ended: true, attributes: { 'quire.outcome': 'invalid' } }]);
});

test('a server that stops has its spans sent; an SDK that cannot send them does not keep it', async () => {
  const stop = async () => {
    const parts = { options: defaultOptions, address: { host: '127.0.0.1', port: 0 }, log: silent };
    const server = await Server.start({ ...parts, models: new ModelList([servedModel(fakeEngine())]) });
    return await server.stop(1);
  };
  let flushed = 0;
  register(async () => {
    flushed++;
  });
  await stop();
  expect(flushed).toBe(1);
  trace.disable();
  register(() => Promise.reject(new Error('no collector')));
  expect(await stop()).toBe(0);
  trace.disable();
  register(() => new Promise(() => undefined));
  expect(await stop()).toBe(0);
});
