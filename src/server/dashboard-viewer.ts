import { type Bytes, KiB, type Seconds } from '../core/units.ts';
import type { DashboardFeed } from './dashboard-feed.ts';
import { EventStream } from './event-stream.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { ServedModel } from './served-model.ts';

/** Figures are sent this often, whether or not they are others: a page that hears nothing knows that it is cut off. */
const FIGURES_EVERY: Seconds = 0.5;
/** A page that leaves more than this unread has stopped looking. */
const BACKLOG: Bytes = 256 * KiB;

export interface ViewerSite {
  readonly model: ServedModel;
  readonly feed: DashboardFeed;
  readonly lifecycle: Lifecycle;
  /** What is sent first. */
  readonly hello: object;
  /** Cuts the connection, where there is one. */
  readonly cut: (() => void) | undefined;
  /** Once, when it is over. */
  readonly left: () => void;
}

/** One page that looks at one engine: figures, and word of each recording, until either side ends it. */
export class DashboardViewer {
  readonly #site: ViewerSite;
  readonly #stream: EventStream;
  readonly #timer: NodeJS.Timeout;
  readonly #leave: () => void;
  #over = false;

  constructor(site: ViewerSite) {
    this.#site = site;
    const { feed, hello, cut } = site;
    const end = () => this.end();
    this.#stream = new EventStream({ backlog: BACKLOG, onCancel: end, onSlow: end, cut });
    this.#timer = setInterval(() => this.#figures(), FIGURES_EVERY * 1000);
    this.#timer.unref();
    this.#stream.send({ type: 'hello', ...hello });
    this.#leave = feed.join(({ number, file }) =>
      this.#stream.send({ type: 'recording', number, bytes: file.length }),
    );
    this.#figures();
  }

  response(): Response {
    return this.#stream.response();
  }

  #figures(): void {
    const { model, lifecycle } = this.#site;
    const { failure } = model.engine;
    const state = failure ? 'failed' : lifecycle.draining ? 'draining' : 'serving';
    this.#stream.send({ type: 'figures', state, figures: model.engine.stats() });
    // It would keep a server open that wants to end.
    if (lifecycle.draining) this.end();
  }

  end(): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    this.#leave();
    this.#stream.end();
    this.#site.left();
  }
}
