import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Admission } from './admission.ts';
import { type AnswerSite, answer } from './answer.ts';
import { asApiError, engineFailed, internalError, notFound } from './api-error.ts';
import type { AppEnv } from './app.ts';
import { Call, type GeneratingEndpoint, generatingEndpoints } from './call.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Log } from './log.ts';
import type { ServerMetrics } from './metrics/server-metrics.ts';
import type { ModelList, Routed } from './model-list.ts';
import { chatRequest } from './openai/chat-request.ts';
import { chatWork } from './openai/chat-work.ts';
import { completionRequest } from './openai/completion-request.ts';
import { completionWork, withDefaultMaxTokens } from './openai/completion-work.ts';
import { parseRequest } from './openai/parse-request.ts';
import { readPrompts } from './openai/read-prompts.ts';
import type { ResponseHead } from './openai/response-shape.ts';
import { refuseUnsupported } from './openai/unsupported.ts';
import type { Work } from './openai/work.ts';
import type { ServerOptions } from './options.ts';
import { readBody } from './read-body.ts';
import { requestId } from './request-id.ts';
import { logCall } from './request-log.ts';
import { RequestTrace } from './tracing.ts';

export interface GeneratingParts {
  readonly models: ModelList;
  readonly options: ServerOptions;
  readonly metrics: ServerMetrics;
  readonly log: Log;
  readonly lifecycle: Lifecycle;
  readonly admission: Admission;
}

type Body = Record<string, unknown>;

/** What an endpoint makes of a body. */
type Plan = (body: Body, call: Call) => Promise<Work>;

/** `/v1/completions` and `/v1/chat/completions`: whatever comes, each request ends once, counted and logged. */
export class GeneratingEndpoints {
  readonly #parts: GeneratingParts;

  constructor(parts: GeneratingParts) {
    this.#parts = parts;
  }

  completions(c: Context<AppEnv>): Promise<Response> {
    const { log, options } = this.#parts;
    return this.#serve(c, '/v1/completions', async (body, call) => {
      refuseUnsupported(body);
      const request = parseRequest(completionRequest, withDefaultMaxTokens(body), log);
      adoptId(c, call, request.request_id);
      const prompts = readPrompts(request.prompt);
      const { model, asked } = this.#route(request.model, call);
      this.#enter(call, prompts.length);
      return await completionWork(request, prompts, model, headOf('cmpl', call, asked), options);
    });
  }

  chat(c: Context<AppEnv>): Promise<Response> {
    const { log, options } = this.#parts;
    return this.#serve(c, '/v1/chat/completions', async (body, call) => {
      refuseUnsupported(body);
      const request = parseRequest(chatRequest, body, log);
      adoptId(c, call, request.request_id);
      const { model, asked } = this.#route(request.model, call);
      this.#enter(call, 1);
      return await chatWork(request, model, headOf('chatcmpl', call, asked), options);
    });
  }

  /** A request without a key that opens: it has ended before it was one. */
  turnedAway(c: Context<AppEnv>): void {
    const endpoint = generatingEndpoints.find(path => path === c.req.path);
    if (endpoint) this.#call(c, endpoint).end('unauthorized', 401);
  }

  #call(c: Context<AppEnv>, endpoint: GeneratingEndpoint): Call {
    const { log, metrics } = this.#parts;
    const call = new Call(c.get('requestId'), endpoint, c.get('key'));
    call.onEnd(ended => {
      metrics.ended(ended);
      logCall(log, ended);
    });
    return call;
  }

  async #serve(c: Context<AppEnv>, endpoint: GeneratingEndpoint, plan: Plan): Promise<Response> {
    const { lifecycle, log, metrics, options, admission } = this.#parts;
    const { signal, headers } = c.req.raw;
    const call = this.#call(c, endpoint);
    const trace = new RequestTrace(call, headers);
    const hangUp = () => call.abort('client_disconnected');
    signal.addEventListener('abort', hangUp, { once: true });
    call.onEnd(() => signal.removeEventListener('abort', hangUp));
    let work: Work | undefined;
    try {
      lifecycle.enter(call);
      call.onEnd(admission.enterKey(call.key));
      const body = await readBody(c.req.raw, options.maxBodySize);
      if (options.logPrompts) {
        log.info({ id: call.id, prompt: body['prompt'], messages: body['messages'] }, 'prompt');
      }
      work = await plan(body, call);
      trace.asked(work);
      const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>;
      const cut = outgoing && (() => void outgoing.destroy());
      const site: AnswerSite = { options, metrics, log, trace, cut };
      return await answer(call, work, site);
    } catch (error) {
      return this.#refused(call, error, work?.structured);
    }
  }

  /** @throws ApiError 404, or 500 when its engine is dead. */
  #route(asked: string | undefined, call: Call): Routed {
    const routed = this.#parts.models.route(asked);
    call.model = routed.model;
    if (routed.model.engine.failure) throw engineFailed();
    return routed;
  }

  #enter(call: Call, prompts: number): void {
    if (!call.model) throw notFound('The model does not exist.', 'model');
    call.onEnd(this.#parts.admission.enterModel(call.model, prompts));
  }

  #refused(call: Call, error: unknown, structured: string | undefined): Response {
    let known = asApiError(error, structured);
    // An engine that dies rejects with what it died of.
    if (!known && call.model?.engine.failure) known = engineFailed();
    if (!known && call.aborted !== 'client_disconnected') {
      this.#parts.log.error({ err: error, id: call.id }, 'a request failed');
    }
    known ??= internalError();
    call.param = known.param;
    if (call.aborted === 'client_disconnected') call.end('client_disconnected', 499);
    else call.end(known.outcome, known.status);
    return known.response();
  }
}

/** A body may name its request, too; the header counts where there is one (as in vLLM). */
function adoptId(c: Context<AppEnv>, call: Call, given: string | undefined): void {
  if (given === undefined || c.req.header('x-request-id') !== undefined) return;
  call.id = requestId(given);
  c.set('requestId', call.id);
}

/** vLLM's ids: those of the client, with what they are of. */
function headOf(prefix: string, call: Call, model: string): ResponseHead {
  return { id: `${prefix}-${call.id}`, created: Math.floor(Date.now() / 1000), model };
}
