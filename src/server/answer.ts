import { engineFailed, shuttingDown } from './api-error.ts';
import type { Call } from './call.ts';
import { now } from './call.ts';
import type { Choice } from './choice.ts';
import { EventStream } from './event-stream.ts';
import { Generation } from './generation.ts';
import type { Log } from './log.ts';
import type { ServerMetrics } from './metrics/server-metrics.ts';
import type { Usage } from './openai/usage.ts';
import type { Work } from './openai/work.ts';
import { RETRY_AFTER, type ServerOptions } from './options.ts';
import type { RequestTrace } from './tracing.ts';

export interface AnswerSite {
  readonly options: ServerOptions;
  readonly metrics: ServerMetrics;
  readonly log: Log;
  readonly trace: RequestTrace;
  /** Cuts the connection that the request came by. */
  readonly cut: (() => void) | undefined;
}

/**
 * Has the work done and answers with it, at once in a stream or when all is there.
 * @throws UsageError, ApiError when it is not taken in, or the engine dies before there is anything to answer.
 */
export async function answer(call: Call, work: Work, site: AnswerSite): Promise<Response> {
  const tally = new Tally(call, work, site);
  return await (work.stream ? streamed(call, work, site, tally) : whole(call, work, tally));
}

/** What both ways of answering count. */
class Tally {
  readonly #call: Call;
  readonly #work: Work;
  readonly #site: AnswerSite;
  readonly #lastToken = new Map<Choice, number>();
  #cachedTokens = 0;

  constructor(call: Call, work: Work, site: AnswerSite) {
    this.#call = call;
    this.#work = work;
    this.#site = site;
    call.promptTokens = work.asks.reduce((sum, { promptTokenIds }) => sum + promptTokenIds.length, 0);
  }

  generation(grown: ConstructorParameters<typeof Generation>[3]['grown']): Generation {
    const { model, asks, text } = this.#work;
    const { metrics, trace, log } = this.#site;
    const call = this.#call;
    const generation: Generation = new Generation(model, asks, text, {
      grown: (choice, delta) => {
        if (delta.tokenIds.length > 0) this.#token(choice, delta.tokenIds.length);
        grown(choice, delta);
      },
      over: (output, ask, choices) => {
        this.#cachedTokens += output.metrics.cachedTokens;
        metrics.finished(model, output, ask, choices);
        trace.over(output);
      },
    });
    void generation.ended.then(failure => {
      if (!failure) return;
      const { choices } = generation;
      metrics.failed(model, choices.filter(({ finishReason }) => !finishReason).length);
      // An engine's own end is told once, by who watches it; this is a bug of whoever listened.
      if (!model.engine.failure) log.error({ err: failure, id: call.id }, 'a request failed');
    });
    call.onEnd(({ outcome }) => {
      const cut = outcome === 'engine_failed' ? 'error' : 'abort';
      call.finishReasons = generation.choices.map(({ finishReason }) => finishReason ?? cut);
    });
    return generation;
  }

  #token(choice: Choice, count: number): void {
    const call = this.#call;
    const { metrics } = this.#site;
    const { model } = this.#work;
    const time = now();
    call.outputTokens += count;
    if (call.firstToken === undefined) {
      call.firstToken = time;
      metrics.firstToken(model, time - call.arrival);
    }
    const last = this.#lastToken.get(choice);
    if (last !== undefined) metrics.nextToken(model, time - last);
    this.#lastToken.set(choice, time);
  }

  usage(): Usage {
    const told = this.#site.options.enablePromptTokensDetails;
    const { promptTokens, outputTokens } = this.#call;
    return {
      promptTokens,
      completionTokens: outputTokens,
      cachedTokens: told ? this.#cachedTokens : undefined,
    };
  }

  /** Of one choice, as far as it is: what every chunk tells on demand. */
  usageOf(choice: Choice): Usage {
    const { promptTokenIds } = this.#work.asks[choice.prompt]!;
    return { promptTokens: promptTokenIds.length, completionTokens: choice.tokenIds.length };
  }
}

async function whole(call: Call, work: Work, tally: Tally): Promise<Response> {
  const generation = tally.generation(() => undefined);
  call.onAbort(() => generation.abort());
  await generation.start();
  const failure = await generation.ended;
  if (failure) throw engineFailed();
  const { aborted } = call;
  if (aborted === 'aborted_at_shutdown' && call.outputTokens === 0) throw shuttingDown(RETRY_AFTER);
  const response = Response.json(work.shape.whole(generation.choices, tally.usage()));
  // 499: nobody is there to read a status.
  call.end(aborted ?? 'completed', aborted === 'client_disconnected' ? 499 : 200);
  return response;
}

async function streamed(call: Call, work: Work, site: AnswerSite, tally: Tally): Promise<Response> {
  const { shape } = work;
  const { includeUsage, continuousUsageStats } = work.stream!;
  const events = new EventStream({
    backlog: site.options.maxStreamBacklog,
    onCancel: () => call.abort('client_disconnected'),
    onSlow: () => call.abort('slow_reader'),
    cut: site.cut,
  });
  const opened = new Set<Choice>();
  const generation = tally.generation((choice, delta) => {
    if (!opened.has(choice)) {
      opened.add(choice);
      for (const chunk of shape.opening(choice)) events.send(chunk);
    }
    events.send(shape.chunk(choice, delta, continuousUsageStats ? tally.usageOf(choice) : undefined));
  });
  call.onAbort(() => generation.abort());
  await generation.start();
  void generation.ended.then(failure => {
    if (failure) events.send(engineFailed().body);
    else if (includeUsage) events.send(shape.usageChunk(tally.usage()));
    events.send('[DONE]');
    events.end();
    call.end(call.aborted ?? (failure ? 'engine_failed' : 'completed'), 200);
  });
  return events.response();
}
