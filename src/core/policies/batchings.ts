import type { HonestRequest } from '../request.ts';
import type { Batching, SchedulerView } from './policy.ts';

/** A decision every iteration; prefills and decodes share a step (Orca's iteration-level scheduling). */
export const continuous = (chunking: Batching['chunking']) => (): Batching => ({
  name: 'continuous',
  mix: 'mixed',
  chunking,
  holdsFinished: false,
});

/** A decision every iteration; a step is either prefills or decodes, and prefills go first. */
export const prefillFirst = (chunking: Batching['chunking']) => (): Batching => ({
  name: 'prefill-first',
  mix: 'prefill-first',
  chunking,
  holdsFinished: false,
});

/** A batch is formed, runs until its longest member ends, and only then the next one is formed. */
export const staticBatch = (): Batching => ({
  name: 'static',
  mix: 'prefill-first',
  chunking: 'none',
  holdsFinished: true,
  // Requests that enter in this very step have no output yet: they make up the batch being formed.
  mayJoin: view =>
    view.running.some(request => request.numOutputTokens > 0)
      ? {
          kind: 'batch-running',
          unfinished: view.running.filter(request => request.status === 'running').length,
        }
      : undefined,
});

/**
 * The running batch is paused for newcomers when enough of them wait, or after `maxWaitingTokens` decode
 * steps (TGI's `waiting_served_ratio` and `max_waiting_tokens`).
 */
export const pauseToJoin = (waitingServedRatio: number, maxWaitingTokens: number) => (): Batching => {
  let steps = 0;
  return {
    name: 'prefill-first',
    mix: 'prefill-first',
    chunking: 'none',
    holdsFinished: false,
    mayJoin(view) {
      const decoding = view.running.filter(request => request.numOutputTokens > 0).length;
      // Those without output entered in this very step: one decision lets in all that fit.
      if (decoding === 0 || decoding < view.running.length || steps >= maxWaitingTokens) return undefined;
      const needs = Math.floor(decoding * waitingServedRatio);
      const fitting = countFitting(view, needs);
      return fitting >= needs ? undefined : { kind: 'join-threshold', waiting: fitting, needs };
    },
    joined() {
      steps = 0;
    },
    decoded() {
      steps++;
    },
  };
};

/** Waiting requests, up to `most`, that the budget of promised tokens has room for beside the running ones. */
function countFitting({ running, waiting, limits, memory }: SchedulerView, most: number): number {
  let left = Math.min(limits.maxBatchTotalTokens, memory.capacity);
  for (const request of running) left -= promise(request);
  let count = 0;
  for (const request of waiting) {
    left -= promise(request);
    if (left < 0 || count >= most) break;
    count++;
  }
  return count;
}

function promise({ width, promptTokens, maxTokens }: HonestRequest): number {
  return width * (promptTokens + maxTokens);
}
