import { createEngine, type EngineArgs } from './engine-args.ts';
import { EngineHost } from './engine-host.ts';
import type { Order, Report } from './engine-messages.ts';
import { EngineProxy } from './engine-proxy.ts';
import { EngineTally } from './engine-tally.ts';
import type { LoadedEngine, Loading } from './loaded-engine.ts';

/**
 * An engine in this thread. A step of a model that runs on the CPU keeps everything here waiting: where that matters,
 * take a `WorkerEngine`.
 */
export class LocalEngine extends EngineProxy {
  readonly #host: EngineHost;
  readonly #closed: Promise<void>;
  #close: () => void = () => undefined;

  /** @throws UsageError when the model, the machine or the options do not allow it. */
  static async load(args: EngineArgs, loading?: Loading): Promise<LocalEngine> {
    return new LocalEngine(await createEngine(args, loading));
  }

  /** @param loaded runs from now on, and is disposed by `close`. */
  constructor(loaded: LoadedEngine) {
    super(loaded.info, new EngineTally(loaded.engine).stats());
    this.#closed = new Promise(resolve => {
      this.#close = resolve;
    });
    this.#host = new EngineHost(loaded, report => this.hear(report));
  }

  protected override hear(report: Report): void {
    super.hear(report);
    if (report.type === 'closed') this.#close();
  }

  protected override send(order: Order): void {
    this.#host.take(order);
  }

  protected override ended(): Promise<void> {
    return this.#closed;
  }
}
