import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { Admission } from './admission.ts';
import { ApiError, asApiError, engineFailed, internalError, invalidBody, notFound } from './api-error.ts';
import { ApiKeys } from './api-keys.ts';
import { GeneratingEndpoints } from './generating-endpoints.ts';
import { Lifecycle } from './lifecycle.ts';
import { type Log, silent } from './log.ts';
import { ServerMetrics } from './metrics/server-metrics.ts';
import type { ModelList } from './model-list.ts';
import { defaultOptions, RETRY_AFTER, type ServerOptions } from './options.ts';
import { requestId } from './request-id.ts';
import { tokenizeRoutes } from './tokenize-routes.ts';

export interface AppParts {
  readonly models: ModelList;
  readonly options?: ServerOptions | undefined;
  readonly metrics?: ServerMetrics | undefined;
  readonly log?: Log | undefined;
  readonly lifecycle?: Lifecycle | undefined;
}

/** What handlers find on a request. */
export interface AppEnv {
  Variables: {
    requestId: string;
    /** Which key it came with; undefined where none is needed. */
    key: number | undefined;
  };
}

/** Paths, and the methods that each takes. */
const methods: Readonly<Record<string, readonly string[]>> = {
  '/v1/completions': ['POST'],
  '/v1/chat/completions': ['POST'],
  '/v1/models': ['GET'],
  '/tokenize': ['POST'],
  '/detokenize': ['POST'],
  '/health': ['GET'],
  '/ping': ['GET', 'POST'],
  '/version': ['GET'],
  '/load': ['GET'],
  '/metrics': ['GET'],
  '/reset_prefix_cache': ['POST'],
  '/dashboard': ['GET', 'POST'],
  '/dashboard/events': ['GET'],
};

/** vLLM's HTTP surface over engines: a pure function of requests, to be put behind any server. */
export function createApp(parts: AppParts): Hono<AppEnv> {
  const { models, options = defaultOptions, log = silent, lifecycle = new Lifecycle() } = parts;
  const metrics = parts.metrics ?? new ServerMetrics(models.models, options);
  const keys = new ApiKeys(options.apiKeys);
  const app = new Hono<AppEnv>();
  const generating = new GeneratingEndpoints({
    models,
    options,
    metrics,
    log,
    lifecycle,
    admission: new Admission(options),
  });

  app.use(async (c, next) => {
    c.set('requestId', requestId(c.req.header('x-request-id')));
    await next();
    c.header('x-request-id', c.get('requestId'));
    if (lifecycle.draining) c.header('connection', 'close');
  });
  if (options.allowedOrigins.length > 0) {
    const origin = options.allowedOrigins.includes('*') ? '*' : [...options.allowedOrigins];
    app.use(cors({ origin, exposeHeaders: ['x-request-id', 'retry-after'] }));
  }
  app.use(async (c, next) => {
    const guarded =
      c.req.path === '/v1' || c.req.path.startsWith('/v1/') || c.req.path === '/reset_prefix_cache';
    if (keys.required && guarded && c.req.method !== 'OPTIONS') {
      const key = keys.find(c.req.header('authorization'));
      // vLLM's body, which is not of the shape of its other errors.
      if (key === undefined) {
        generating.turnedAway(c);
        return c.json({ error: 'Unauthorized' }, 401);
      }
      c.set('key', key);
    }
    return await next();
  });

  app.post('/v1/completions', c => generating.completions(c));
  app.post('/v1/chat/completions', c => generating.chat(c));
  tokenizeRoutes(app, { models, options, log });

  app.get('/v1/models', c => c.json({ object: 'list', data: models.names.map(name => models.card(name)) }));
  app.get('/v1/models/:id{.+}', c => {
    const card = models.card(c.req.param('id'));
    if (!card) throw notFound(`The model \`${c.req.param('id').slice(0, 256)}\` does not exist.`, 'model');
    return c.json(card);
  });

  const health = () => {
    const dead = models.models.some(({ engine }) => engine.failure);
    if (!dead && !lifecycle.draining) return new Response('', { status: 200 });
    return new Response('', { status: 503, headers: { 'retry-after': String(RETRY_AFTER) } });
  };
  app.get('/health', health);
  app.on(['GET', 'POST'], '/ping', health);
  app.get('/version', c => c.json({ version: options.version }));
  app.get('/load', c => c.json({ server_load: lifecycle.load }));
  app.get('/metrics', async c => c.body(await metrics.text(), 200, { 'content-type': metrics.contentType }));
  app.post('/reset_prefix_cache', async c => {
    await Promise.all(
      models.models.map(async ({ engine }) => {
        if (engine.failure) throw engineFailed();
        await engine.resetPrefixCache();
      }),
    );
    return c.body('', 200);
  });

  app.notFound(c => {
    const allowed = methods[c.req.path] ?? (c.req.path.startsWith('/v1/models/') ? ['GET'] : undefined);
    if (!allowed) return notFound('Not Found').response();
    const response = new ApiError(405, 'Method Not Allowed', 'invalid', 'Method Not Allowed').response();
    response.headers.set('allow', allowed.join(', '));
    return response;
  });
  app.onError((error, c) => {
    const known = asApiError(error);
    if (known) return known.response();
    // The path of the request has a percent sign that begins no character.
    if (error instanceof URIError) return invalidBody('The path is not valid.').response();
    log.error({ err: error, id: c.get('requestId'), path: c.req.path }, 'a request failed');
    return internalError().response();
  });
  return app;
}
