import type { Seconds } from '../core/units.ts';
import type { Address } from './address.ts';
import { ApiKeys } from './api-keys.ts';
import { createApp } from './app.ts';
import { now } from './call.ts';
import { dashboardRoutes } from './dashboard.ts';
import { Lifecycle } from './lifecycle.ts';
import type { Log } from './log.ts';
import { ServerMetrics } from './metrics/server-metrics.ts';
import type { ModelList } from './model-list.ts';
import { Monitor } from './monitor.ts';
import { NodeServer } from './node-server.ts';
import type { ServerOptions } from './options.ts';
import { logStart } from './start-log.ts';
import { flushSpans } from './tracing.ts';

export interface ServerParts {
  readonly models: ModelList;
  readonly options: ServerOptions;
  readonly address: Address;
  readonly log: Log;
  /** The page of `/dashboard`, as it was built; absent: there is no dashboard. */
  readonly page?: (() => Promise<string>) | undefined;
}

/** For responses to go out once there is nothing more to add to them, at least; for spans, at most. */
const FLUSH_WITHIN: Seconds = 2;

/** Models behind a port, from its opening to its graceful end. */
export class Server {
  /** Resolves when an engine died, with which and of what: the server will not serve it again, and is to be stopped. */
  readonly failed: Promise<Error>;
  readonly #parts: ServerParts;
  readonly #lifecycle: Lifecycle;
  readonly #node: NodeServer;
  readonly #monitor: Monitor;
  #stopping: Promise<number> | undefined;

  /** @throws UsageError when the port or the host cannot be had. */
  static async start(parts: ServerParts): Promise<Server> {
    const { models, options, log } = parts;
    const metrics = new ServerMetrics(models.models, options);
    const lifecycle = new Lifecycle();
    const app = createApp({ models, options, log, metrics, lifecycle });
    const { page } = parts;
    if (page) dashboardRoutes(app, { models, keys: new ApiKeys(options.apiKeys), lifecycle, page });
    const server = new Server(parts, lifecycle, await NodeServer.listen(app, parts.address));
    logStart(log, models.models);
    return server;
  }

  private constructor(parts: ServerParts, lifecycle: Lifecycle, node: NodeServer) {
    const { models, log } = parts;
    this.#parts = parts;
    this.#lifecycle = lifecycle;
    this.#node = node;
    let fail!: (error: Error) => void;
    this.failed = new Promise(resolve => {
      fail = resolve;
    });
    this.#monitor = new Monitor(models.models, log, (model, error) => {
      log.error({ err: error, model: model.id }, 'the engine died; the server stops');
      fail(new Error(`the engine of ${model.id} died: ${error.message}`, { cause: error }));
    });
  }

  get url(): string {
    return this.#node.url;
  }

  /**
   * Takes no more in (`/health` says 503), finishes what runs, aborts what is not done in time, and lets engines and
   * port go.
   * @returns how many requests had to be aborted.
   */
  stop(timeout: Seconds): Promise<number> {
    this.#stopping ??= this.#stop(timeout);
    return this.#stopping;
  }

  async #stop(timeout: Seconds): Promise<number> {
    const { models, log } = this.#parts;
    log.info({ open: this.#lifecycle.load, timeout }, 'shutting down: open requests are finished');
    const begin = now();
    const aborted = await this.#lifecycle.drain(timeout);
    if (aborted > 0) log.warn({ aborted }, 'the shutdown timeout is over: requests were aborted');
    this.#monitor.stop();
    await this.#node.close(Math.max(FLUSH_WITHIN, timeout - (now() - begin)));
    await Promise.all(models.models.map(({ engine }) => engine.close()));
    await flushSpans(FLUSH_WITHIN);
    log.info({ aborted }, 'stopped');
    return aborted;
  }
}
