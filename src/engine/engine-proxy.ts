import type { Ask, EngineClient, EngineInfo, EngineStats, Heard, Ticket } from './engine-client.ts';
import { type News, type Order, type Report, revivedError } from './engine-messages.ts';

/** A request that is not over. Before the engine has answered, it has no id. */
interface Open {
  readonly heard: Heard;
  readonly accept: (ticket: Ticket) => void;
  readonly refuse: (error: Error) => void;
  taken: boolean;
}

interface Reset {
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/** The client's end of an engine that is somewhere else: knows who waits for what, and tells each. */
export abstract class EngineProxy implements EngineClient {
  readonly info: EngineInfo;
  #stats: EngineStats;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;
  #nextKey = 0;
  readonly #open = new Map<number, Open>();
  readonly #resets = new Map<number, Reset>();
  readonly #watchers = new Set<(file: Uint8Array) => void>();
  #lastFile: Uint8Array | undefined;

  protected constructor(info: EngineInfo, stats: EngineStats) {
    this.info = info;
    this.#stats = stats;
  }

  /** Takes an order to the engine. What it reports comes back through `hear`. */
  protected abstract send(order: Order): void;

  /** After `close` was sent: resolves when thread and device are gone. */
  protected abstract ended(): Promise<void>;

  get failure(): Error | undefined {
    return this.#failure;
  }

  stats(): EngineStats {
    return this.#stats;
  }

  add(ask: Ask, heard: Heard): Promise<Ticket> {
    if (this.#failure) return Promise.reject(this.#failure);
    const key = this.#nextKey++;
    return new Promise((accept, refuse) => {
      // First, for what cannot travel throws. The answer comes later than this turn.
      this.send({ type: 'add', key, ask });
      this.#open.set(key, { heard, accept, refuse, taken: false });
    });
  }

  resetPrefixCache(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    const key = this.#nextKey++;
    return new Promise((done, failed) => {
      this.#resets.set(key, { done, failed });
      this.send({ type: 'reset-prefix-cache', key });
    });
  }

  watch(onRecording: (file: Uint8Array) => void): () => void {
    // Each call is a watcher, though two may bring the same function.
    const watcher = (file: Uint8Array) => onRecording(file);
    this.#watchers.add(watcher);
    if (this.#watchers.size === 1) this.send({ type: 'watch', on: true });
    else if (this.#lastFile) watcher(this.#lastFile);
    return () => {
      if (!this.#watchers.delete(watcher) || this.#watchers.size > 0) return;
      this.#lastFile = undefined;
      if (!this.#failure) this.send({ type: 'watch', on: false });
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const closed = new Error('the engine is closed');
    this.#failure ??= closed;
    // Who was not let in yet does not come in any more; the others hear how far they came.
    for (const [key, { refuse, taken }] of this.#open) {
      if (taken) continue;
      this.#open.delete(key);
      refuse(closed);
    }
    this.send({ type: 'close' });
    await this.ended();
    // A thread that had to be stopped in the middle of a step has told nobody.
    this.#failAll(closed);
  }

  protected hear(report: Report): void {
    switch (report.type) {
      case 'news':
        if (report.stats) this.#stats = report.stats;
        for (const news of report.news) this.#tell(news);
        return;
      case 'recording':
        this.#lastFile = report.file;
        for (const watcher of this.#watchers) watcher(report.file);
        return;
      case 'failed':
        this.fail(revivedError(report.error));
        return;
      case 'loading':
      case 'warning':
      case 'ready':
      case 'closed':
        return;
      default:
        report satisfies never;
    }
  }

  /** The engine died. The first cause is kept. */
  protected fail(error: Error): void {
    this.#failure ??= error;
    this.#failAll(error);
  }

  #failAll(error: Error): void {
    const open = [...this.#open];
    this.#open.clear();
    for (const [, { heard, refuse, taken }] of open) {
      if (taken) tellFailure(heard, error);
      else refuse(error);
    }
    const resets = [...this.#resets.values()];
    this.#resets.clear();
    for (const { failed } of resets) failed(error);
  }

  #tell(news: News): void {
    const { key } = news;
    if (news.type === 'prefix-cache-reset') {
      this.#resets.get(key)?.done();
      this.#resets.delete(key);
      return;
    }
    const open = this.#open.get(key);
    if (!open) return;
    try {
      this.#answer(open, news);
    } catch (error) {
      // A bug of who listens is not to take the others with it.
      this.#open.delete(key);
      this.send({ type: 'abort', key });
      tellFailure(open.heard, error as Error);
    }
  }

  #answer(open: Open, news: Exclude<News, { type: 'prefix-cache-reset' }>): void {
    const { key } = news;
    switch (news.type) {
      case 'added':
        open.taken = true;
        open.accept({ id: news.id, abort: () => this.#abort(key) });
        return;
      case 'refused':
        this.#open.delete(key);
        open.refuse(revivedError(news.error));
        return;
      case 'update':
        open.heard.update?.(news.update);
        return;
      case 'over':
        this.#open.delete(key);
        open.heard.over(news.output);
        return;
      default:
        news satisfies never;
    }
  }

  #abort(key: number): void {
    if (this.#open.has(key)) this.send({ type: 'abort', key });
  }
}

/** What a listener throws at its last call is nobody's to catch, and must not keep the others from hearing. */
function tellFailure(heard: Heard, error: Error): void {
  try {
    heard.failed(error);
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
