import type { ModelRunner } from '../../src/backends/model-runner.ts';
import { DeviceLost } from '../../src/backends/webgpu/device-lost.ts';
import { infoOf, type LoadedEngine, type Loading } from '../../src/engine/loaded-engine.ts';
import { composePolicy } from '../../src/sim/check-config.ts';
import { FeedingRunner } from '../support/feeding-runner.ts';
import { tinyEngine } from '../support/tiny-engine.ts';

/** A tiny engine as data, so that it may be made in another thread. */
export interface TinyServing {
  /** KV blocks of 4 tokens. Default 64. */
  readonly blocks?: number;
  readonly maxNumSeqs?: number;
  /** Longer prompts take several steps. */
  readonly maxNumBatchedTokens?: number;
  /** Of the waiting queue. */
  readonly order?: 'fcfs' | 'priority';
  /** What happens in this call of the runner, counted from 0. */
  readonly at?: number;
  readonly event?: 'throw' | 'lost' | 'exit' | 'out-of-memory' | 'uncaught' | 'hang' | 'spin';
  /** Over shared memory: set to 1 as soon as it happens. */
  readonly happened?: Int32Array;
  /** Two steps in flight. */
  readonly ahead?: boolean;
  /** What is warned of while it is made. */
  readonly warning?: string;
  /** What making it throws. */
  readonly broken?: string;
}

/** Tokens as letters, for stop strings: a to z and on. */
const detokenizer = () => ({ push: (id: number) => String.fromCharCode(97 + id), flush: () => '' });

export async function createEngine(options: TinyServing, loading: Loading = {}): Promise<LoadedEngine> {
  const begin = performance.now();
  const { blocks = 64, maxNumSeqs, maxNumBatchedTokens, order = 'fcfs', ahead, broken } = options;
  if (options.warning !== undefined) loading.warn?.(options.warning);
  if (broken !== undefined) throw new Error(broken);
  const state = { calls: 0 };
  const engine = await tinyEngine({
    blocks,
    detokenizer,
    ...(maxNumSeqs !== undefined && { maxNumSeqs }),
    ...(maxNumBatchedTokens !== undefined && { maxNumBatchedTokens }),
    policy: composePolicy('vllm', { order }),
    wrap: runner => {
      const eventful = withEvent(runner, options, state);
      return ahead ? new FeedingRunner(eventful) : eventful;
    },
  });
  return { engine, info: infoOf(engine, { backend: 'reference', device: 'the CPU', dtype: 'f32', begin }) };
}

function withEvent(
  runner: ModelRunner,
  { at, event, happened }: TinyServing,
  state: { calls: number },
): ModelRunner {
  return {
    config: runner.config,
    blockSize: runner.blockSize,
    numBlocks: runner.numBlocks,
    run: async batch => {
      if (state.calls++ === at) {
        if (happened) Atomics.store(happened, 0, 1);
        await happen(event);
      }
      return await runner.run(batch);
    },
    dispose: () => runner.dispose(),
  };
}

async function happen(event: TinyServing['event']): Promise<void> {
  switch (event) {
    case undefined:
      return;
    case 'throw':
      throw new Error('a bug in a kernel');
    case 'lost':
      throw new DeviceLost('the GPU fell off the bus');
    case 'exit':
      process.exit(3);
      return;
    case 'out-of-memory': {
      const hoard: number[][] = [];
      for (;;) hoard.push(Array.from({ length: 10_000 }, (_, i) => i + hoard.length));
    }
    case 'uncaught':
      queueMicrotask(() => {
        throw new Error('thrown where nobody awaits it');
      });
      await new Promise(() => undefined);
      return;
    case 'hang':
      await new Promise(() => undefined);
      return;
    case 'spin':
      for (;;);
    default:
      event satisfies never;
  }
}
