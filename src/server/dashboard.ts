import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { KiB } from '../core/units.ts';
import { invalidBody, notFound, overloaded, shuttingDown } from './api-error.ts';
import type { ApiKeys } from './api-keys.ts';
import type { AppEnv } from './app.ts';
import { DashboardAccess } from './dashboard-access.ts';
import { DashboardFeed } from './dashboard-feed.ts';
import { keyPage, livePage, runName } from './dashboard-page.ts';
import { DashboardViewer } from './dashboard-viewer.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ModelList } from './model-list.ts';
import { RETRY_AFTER } from './options.ts';
import type { ServedModel } from './served-model.ts';

export interface DashboardParts {
  readonly models: ModelList;
  readonly keys: ApiKeys;
  readonly lifecycle: Lifecycle;
  /** The page as it was built. @throws UsageError when it was not. */
  readonly page: () => Promise<string>;
}

/** Pages that may look at once. */
export const MAX_VIEWERS = 64;

type DashboardContext = Context<AppEnv>;

/**
 * A view of the running engines: `/dashboard` is the page of simulations in its live mode, which listens to
 * `/dashboard/events` and fetches each recording that it is told of. No text of a prompt or an answer is in any.
 */
export function dashboardRoutes(app: Hono<AppEnv>, parts: DashboardParts): void {
  const dashboard = new Dashboard(parts);
  app.use('/dashboard', bodyLimit({ maxSize: 4 * KiB, onError: () => keyPage(true) }));
  app.get('/dashboard', c => dashboard.page(c));
  app.post('/dashboard', c => dashboard.unlock(c));
  app.get('/dashboard/events', c => dashboard.events(c));
  app.get('/dashboard/recording/:file', c => dashboard.recording(c));
}

class Dashboard {
  readonly #parts: DashboardParts;
  readonly #access: DashboardAccess;
  readonly #feeds = new Map<ServedModel, DashboardFeed>();
  readonly #run = runName();
  #viewers = 0;

  constructor(parts: DashboardParts) {
    this.#parts = parts;
    this.#access = new DashboardAccess(parts.keys);
    for (const model of parts.models.models) this.#feeds.set(model, new DashboardFeed(model.engine));
  }

  async page(c: DashboardContext): Promise<Response> {
    const key = c.req.query('key');
    // Out of the address at once: it would stay in the history, and in what is copied from there.
    if (key !== undefined && this.#parts.keys.required) return this.#show(c, key);
    if (!this.#access.admits(c.req.raw.headers)) return keyPage(false);
    return livePage(await this.#parts.page());
  }

  async unlock(c: DashboardContext): Promise<Response> {
    const { key } = await c.req.parseBody();
    return this.#show(c, typeof key === 'string' ? key : '');
  }

  #show(c: DashboardContext, key: string): Response {
    if (!this.#parts.keys.required) return c.redirect('/dashboard', 303);
    const cookie = this.#access.cookieFor(key, new URL(c.req.url).protocol === 'https:');
    if (cookie === undefined) return keyPage(true);
    c.header('set-cookie', cookie);
    c.header('referrer-policy', 'no-referrer');
    return c.redirect('/dashboard', 303);
  }

  events(c: DashboardContext): Response {
    if (!this.#access.admits(c.req.raw.headers)) return unauthorized(c);
    const model = this.#modelOf(c);
    // Its stream would have nobody to end it.
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'content-type': 'text/event-stream' });
    if (this.#parts.lifecycle.draining) throw shuttingDown(RETRY_AFTER);
    if (this.#viewers >= MAX_VIEWERS) {
      throw overloaded(`${MAX_VIEWERS} pages look at this server already: close one.`, RETRY_AFTER);
    }
    const { outgoing } = (c.env ?? {}) as Partial<HttpBindings>;
    const { signal } = c.req.raw;
    this.#viewers++;
    const viewer = new DashboardViewer({
      model,
      feed: this.#feeds.get(model)!,
      lifecycle: this.#parts.lifecycle,
      hello: {
        run: this.#run,
        model: model.id,
        models: this.#parts.models.models.map(one => this.#card(one)),
      },
      cut: outgoing && (() => void outgoing.destroy()),
      left: () => {
        this.#viewers--;
        signal.removeEventListener('abort', hangUp);
      },
    });
    const hangUp = () => viewer.end();
    if (signal.aborted) hangUp();
    else signal.addEventListener('abort', hangUp, { once: true });
    return viewer.response();
  }

  recording(c: DashboardContext): Response {
    if (!this.#access.admits(c.req.raw.headers)) return unauthorized(c);
    const feed = this.#feeds.get(this.#modelOf(c))!;
    const number = /^(\d{1,12})\.quire$/.exec(c.req.param('file') ?? '')?.[1];
    const file = number === undefined ? undefined : feed.file(Number(number));
    if (!file)
      throw notFound('There is no such recording any more: the next one is announced in /dashboard/events.');
    return c.body(file as Uint8Array<ArrayBuffer>, 200, {
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  }

  /** @throws ApiError 400, 404 */
  #modelOf(c: DashboardContext): ServedModel {
    const { models } = this.#parts.models;
    const id = c.req.query('model');
    if (id === undefined) return models[0]!;
    if (id === '') throw invalidBody('model must not be empty', 'model');
    const model = models.find(one => one.id === id);
    if (!model) throw notFound(`The model \`${id.slice(0, 256)}\` does not exist.`, 'model');
    return model;
  }

  #card(model: ServedModel): object {
    const { policy, backend, device, dtype, limits, memory } = model.engine.info;
    const { maxNumSeqs, maxNumBatchedTokens, maxModelLen } = limits;
    return {
      id: model.id,
      policy,
      backend,
      device,
      dtype,
      // JSON has no infinity: null says that there is no limit.
      limits: { maxNumSeqs, maxNumBatchedTokens, maxModelLen },
      memory,
      records: this.#feeds.get(model)!.records,
    };
  }
}

/** As for `/v1`. */
function unauthorized(c: DashboardContext): Response {
  return c.json({ error: 'Unauthorized' }, 401);
}
