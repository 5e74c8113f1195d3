import {
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import type { Seconds } from '../core/units.ts';
import type { RequestOutput } from '../engine/outputs.ts';
import type { Call } from './call.ts';
import type { Work } from './openai/work.ts';

/** Not of the API, but every SDK that batches has it: behind a proxy, which is of the SDK's copy of the API. */
interface BatchingProvider extends TracerProvider {
  getDelegate?(): BatchingProvider;
  forceFlush?(): Promise<void>;
}

/** Spans that an SDK holds back, to send many at once, are sent now; no longer than this is waited for it. */
export async function flushSpans(within: Seconds): Promise<void> {
  const provider = trace.getTracerProvider() as BatchingProvider;
  const sdk = provider.getDelegate?.() ?? provider;
  if (!sdk.forceFlush) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, within * 1000);
  });
  await Promise.race([sdk.forceFlush().catch(() => undefined), late]);
  clearTimeout(timer);
}

/**
 * One span a request, with vLLM's attributes. Without an OpenTelemetry SDK in the process all of it costs nothing and
 * goes nowhere.
 */
export class RequestTrace {
  readonly #span: Span;
  readonly #arrival = Date.now();

  constructor(call: Call, headers: Headers) {
    const parent = propagation.extract(ROOT_CONTEXT, headers, {
      keys: carrier => [...carrier.keys()],
      get: (carrier, key) => carrier.get(key) ?? undefined,
    });
    this.#span = trace
      .getTracer('quire')
      .startSpan('llm_request', { kind: SpanKind.SERVER, startTime: this.#arrival }, parent);
    call.onEnd(ended => this.#end(ended));
  }

  asked({ model, asks }: Work): void {
    const { params } = asks[0]!;
    this.#span.setAttributes({
      'gen_ai.response.model': model.id,
      'gen_ai.request.temperature': params.temperature,
      'gen_ai.request.top_p': params.topP,
      'gen_ai.request.max_tokens': params.maxTokens,
      'gen_ai.request.n': params.n,
      'gen_ai.usage.num_sequences': params.n * asks.length,
    });
  }

  /** A prompt is over; of several the last one's times stay. */
  over({ metrics }: RequestOutput): void {
    const { arrival, firstScheduled, firstToken, lastToken, finished } = metrics;
    const times = {
      'gen_ai.latency.time_in_queue': firstScheduled - arrival,
      'gen_ai.latency.time_to_first_token': firstToken - arrival,
      'gen_ai.latency.time_in_model_prefill': firstToken - firstScheduled,
      'gen_ai.latency.time_in_model_decode': lastToken - firstToken,
      'gen_ai.latency.time_in_model_inference': lastToken - firstScheduled,
      'gen_ai.latency.e2e': finished - arrival,
    };
    for (const [name, value] of Object.entries(times)) {
      if (!Number.isNaN(value)) this.#span.setAttribute(name, value);
    }
  }

  #end(call: Call): void {
    this.#span.setAttributes({
      'gen_ai.request.id': call.id,
      'gen_ai.usage.prompt_tokens': call.promptTokens,
      'gen_ai.usage.completion_tokens': call.outputTokens,
      'http.response.status_code': call.status,
      'quire.outcome': call.outcome!,
    });
    if (call.status >= 500 || call.outcome === 'engine_failed') {
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: call.outcome! });
    }
    this.#span.end();
  }
}
