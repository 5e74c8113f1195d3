import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '../core/invariant.ts';
import { createEngine } from './engine-args.ts';
import { EngineHost } from './engine-host.ts';
import { type Order, plainError, type Report } from './engine-messages.ts';
import type { EngineMaker } from './loaded-engine.ts';
import type { WorkerStart } from './worker-engine.ts';

/** The thread of a `WorkerEngine`: makes the engine and runs it until it is told to close. */
async function serve({ args, module }: WorkerStart): Promise<void> {
  const port = parentPort;
  invariant(port, () => 'the thread of an engine was not started as a thread');
  const tell = (report: Report) =>
    port.postMessage(report, report.type === 'recording' ? [report.file.buffer as ArrayBuffer] : []);
  try {
    const make = module === undefined ? createEngine : await makerOf(module);
    const loaded = await make(args as never, {
      onLoad: share => tell({ type: 'loading', share }),
      warn: text => tell({ type: 'warning', text }),
    });
    const host = new EngineHost(loaded, tell);
    port.on('message', (order: Order) => host.take(order));
    tell({ type: 'ready', info: loaded.info, stats: host.stats() });
  } catch (error) {
    tell({ type: 'failed', error: plainError(error) });
  }
}

async function makerOf(module: string): Promise<EngineMaker<never>> {
  const { createEngine: make } = (await import(module)) as { createEngine: EngineMaker<never> };
  return make;
}

await serve(workerData as WorkerStart);
