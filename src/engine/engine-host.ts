import type { EngineEvent } from '../core/events.ts';
import type { Seconds } from '../core/units.ts';
import { startClock } from './clock.ts';
import type { Engine } from './engine.ts';
import type { EngineStats } from './engine-client.ts';
import { type News, type Order, plainError, type Report } from './engine-messages.ts';
import { EngineTally } from './engine-tally.ts';
import type { GenerationRequest } from './generation-request.ts';
import type { LoadedEngine } from './loaded-engine.ts';
import { RecordingFeed } from './recording-feed.ts';

/** While it runs, figures are told this often at most. */
const STATS_EVERY: Seconds = 0.1;

/**
 * Runs an engine and speaks for it: takes orders at any time, between two steps or in one, and reports all that a
 * step brought at once. Knows nothing of threads.
 */
export class EngineHost {
  readonly #engine: Engine;
  readonly #report: (report: Report) => void;
  readonly #tally: EngineTally;
  readonly #feed: RecordingFeed;
  readonly #requests = new Map<number, GenerationRequest>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #clock = startClock();
  #statsAt: Seconds = Number.NEGATIVE_INFINITY;
  #news: News[] = [];
  /** Requests whose structures are still to be compiled. */
  readonly #structured: (Order & { readonly type: 'add' })[] = [];
  #steps = 0;
  /** How many steps there had been when the last structure was compiled. */
  #compiledAt = -1;
  #flushing = false;
  #failed = false;

  /** The engine runs from now on. */
  constructor(loaded: LoadedEngine, report: (report: Report) => void) {
    const { engine } = loaded;
    this.#engine = engine;
    this.#report = report;
    this.#tally = new EngineTally(engine);
    this.#feed = new RecordingFeed(loaded, file => report({ type: 'recording', file }));
    engine.prepare();
    engine.listeners.add(this.#tally);
    engine.listeners.add({ detail: false, on: event => this.#heard(event) });
    this.#running = this.#run();
  }

  stats(): EngineStats {
    return this.#tally.stats();
  }

  take(order: Order): void {
    switch (order.type) {
      case 'add':
        if (!this.#compiles(order)) this.#add(order);
        else {
          this.#structured.push(order);
          this.#compileSoon();
        }
        return;
      case 'abort': {
        const request = this.#requests.get(order.key);
        if (request) this.#engine.abort(request);
        // It may have been the one whose steps they waited for.
        this.#compileSoon();
        return;
      }
      case 'reset-prefix-cache':
        this.#engine.resetPrefixCache();
        this.#tell({ type: 'prefix-cache-reset', key: order.key });
        return;
      case 'watch':
        if (order.on) this.#feed.start();
        else this.#feed.stop();
        return;
      case 'close':
        void this.#close();
        return;
      default:
        order satisfies never;
    }
  }

  #compiles({ ask: { params } }: Order & { readonly type: 'add' }): boolean {
    return params.structure !== undefined && this.#engine.compiles(params.structure);
  }

  #compileSoon(): void {
    if (this.#structured.length > 0) setImmediate(() => this.#addStructured());
  }

  /** One, and the next after another step, while there are any: no token waits for more than one structure. */
  #addStructured(): void {
    const [order] = this.#structured;
    if (!order || this.#stop.signal.aborted) return;
    // Others before it may have asked for the same.
    if (this.#compiles(order)) {
      if (this.#compiledAt === this.#steps && this.#engine.scheduler.running.length > 0) return;
      this.#compiledAt = this.#steps;
    }
    this.#structured.shift();
    this.#add(order);
    this.#compileSoon();
  }

  #add({ key, ask }: Order & { readonly type: 'add' }): void {
    const { promptTokenIds, params, priority, cacheSalt } = ask;
    try {
      const added = this.#engine.add({
        promptTokenIds,
        params,
        priority,
        cacheSalt,
        onUpdate: update => this.#tell({ type: 'update', key, update }),
        onFinish: output => {
          this.#requests.delete(key);
          this.#tell({ type: 'over', key, output });
        },
      });
      if ('rejected' in added) {
        const error = { name: 'UsageError', message: added.rejected, stack: undefined };
        this.#tell({ type: 'refused', key, error });
        return;
      }
      this.#requests.set(key, added);
      this.#tell({ type: 'added', key, id: added.id });
    } catch (error) {
      this.#tell({ type: 'refused', key, error: plainError(error) });
    }
  }

  #heard({ type }: EngineEvent): void {
    if (type !== 'step') return;
    this.#steps++;
    // Its tokens are booked in the same breath: one report has both.
    this.#flushSoon();
    this.#compileSoon();
  }

  #tell(news: News): void {
    this.#news.push(news);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    const news = this.#news;
    this.#news = [];
    const stats = this.#dueStats();
    if (news.length > 0 || stats) this.#report({ type: 'news', news, stats });
  }

  #dueStats(): EngineStats | undefined {
    const now = this.#clock();
    const idle = this.#engine.scheduler.numUnfinished === 0;
    if (!idle && now - this.#statsAt < STATS_EVERY) return undefined;
    this.#statsAt = now;
    return this.#tally.stats();
  }

  async #run(): Promise<void> {
    try {
      await this.#engine.run(this.#stop.signal);
      // A step that was launched ahead has to land before its device may go.
      await this.#engine.drain();
    } catch (error) {
      this.#failed = true;
      this.#flush();
      this.#report({ type: 'failed', error: plainError(error) });
    }
  }

  async #close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    if (!this.#failed) for (const request of this.#requests.values()) this.#engine.abort(request);
    this.#feed.stop();
    this.#stop.abort();
    await this.#running;
    try {
      this.#engine.dispose();
    } finally {
      this.#flush();
      this.#report({ type: 'closed' });
    }
  }
}
