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
        if (order.ask.params.structure === undefined) this.#add(order);
        else if (this.#structured.push(order) === 1) setImmediate(() => this.#addStructured());
        return;
      case 'abort': {
        const request = this.#requests.get(order.key);
        if (request) this.#engine.abort(request);
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

  /** One in a turn of the event loop: a step that is due waits for one structure at most, however many there are. */
  #addStructured(): void {
    const order = this.#structured.shift();
    if (!order || this.#stop.signal.aborted) return;
    this.#add(order);
    if (this.#structured.length > 0) setImmediate(() => this.#addStructured());
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
    // Its tokens are booked in the same breath: one report has both.
    if (type === 'step') this.#flushSoon();
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
