import { type ResourceLimits, Worker } from 'node:worker_threads';
import type { Seconds } from '../core/units.ts';
import type { EngineArgs } from './engine-args.ts';
import { type Order, type Report, revivedError } from './engine-messages.ts';
import { EngineProxy } from './engine-proxy.ts';
import type { Loading } from './loaded-engine.ts';

export interface WorkerOptions extends Loading {
  /**
   * A module that exports a `createEngine` of its own (an `EngineMaker`), by its URL; it is given the args as they are,
   * so long as they can be cloned.
   */
  readonly module?: string | undefined;
  /** Of the thread's own heap; weights and KV lie outside of it. */
  readonly resourceLimits?: ResourceLimits | undefined;
  /** A step that takes longer than this when the engine is to close is not waited for. Default 10. */
  readonly closeWithin?: Seconds | undefined;
  /** The thread's own code, where it does not lie beside this file as it does in the package. */
  readonly worker?: URL | undefined;
}

/** What the thread is started with. */
export interface WorkerStart {
  readonly args: unknown;
  readonly module: string | undefined;
}

type Ready = Report & { readonly type: 'ready' };

/** An engine in a thread of its own, which loads the model by itself: nothing that it computes keeps this one waiting. */
export class WorkerEngine extends EngineProxy {
  readonly #worker: Worker;
  readonly #closeWithin: Seconds;
  #closed = false;
  readonly #gone: Promise<void>;

  /** @throws UsageError when the model, the machine or the options do not allow it. */
  static load(args: EngineArgs, options?: WorkerOptions): Promise<WorkerEngine>;
  static load(args: unknown, options: WorkerOptions & { readonly module: string }): Promise<WorkerEngine>;
  static async load(args: unknown, options: WorkerOptions = {}): Promise<WorkerEngine> {
    const { module, resourceLimits, closeWithin = 10 } = options;
    const start: WorkerStart = { args, module };
    const worker = new Worker(options.worker ?? new URL('./engine-worker.js', import.meta.url), {
      name: 'engine',
      workerData: start,
      ...(resourceLimits && { resourceLimits }),
    });
    try {
      return new WorkerEngine(worker, await ready(worker, options), closeWithin);
    } catch (error) {
      await worker.terminate();
      throw error;
    }
  }

  private constructor(worker: Worker, { info, stats }: Ready, closeWithin: Seconds) {
    super(info, stats);
    this.#closeWithin = closeWithin;
    this.#worker = worker;
    this.#gone = new Promise(resolve => worker.once('exit', () => resolve()));
    worker.on('message', (report: Report) => this.hear(report));
    worker.on('messageerror', error => this.fail(error));
    worker.on('error', error => this.fail(error));
    worker.on('exit', code => this.#exited(code));
  }

  #exited(code: number): void {
    if (!this.#closed) this.fail(new Error(`the engine's thread ended by itself (exit code ${code})`));
  }

  protected override hear(report: Report): void {
    super.hear(report);
    if (report.type === 'closed') void this.#worker.terminate();
  }

  protected override send(order: Order): void {
    if (order.type === 'close') this.#closed = true;
    this.#worker.postMessage(order);
  }

  protected override async ended(): Promise<void> {
    const stuck = setTimeout(() => void this.#worker.terminate(), this.#closeWithin * 1000);
    await this.#gone;
    clearTimeout(stuck);
  }
}

/** What the thread says of its engine, when it is loaded. */
function ready(worker: Worker, { onLoad, warn }: Loading): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const heard = (report: Report) => {
      if (report.type === 'loading') onLoad?.(report.share);
      else if (report.type === 'warning') warn?.(report.text);
      else if (report.type === 'failed') settle(() => reject(revivedError(report.error)));
      else if (report.type === 'ready') settle(() => resolve(report));
    };
    const failed = (error: Error) => settle(() => reject(error));
    const exited = (code: number) =>
      settle(() => reject(new Error(`the engine's thread ended while it loaded (exit code ${code})`)));
    const settle = (how: () => void) => {
      worker.off('message', heard);
      worker.off('error', failed);
      worker.off('exit', exited);
      how();
    };
    worker.on('message', heard);
    worker.on('error', failed);
    worker.on('exit', exited);
  });
}
