import type { HonestRequest } from '../request.ts';
import type { Admission, SchedulerView } from './policy.ts';

const watermark = (view: SchedulerView) => view.limits.watermark * view.memory.capacity;

/** Only what runs now. Cheapest to enter, and prone to thrash: admit, run out, preempt, admit again. */
export const firstChunk = (): Admission => ({
  name: 'first-chunk',
  demand: (_request, upTo, view) => ({ tokens: upTo, headroom: watermark(view) }),
});

/** All of the prompt, though it may run in pieces (vLLM's `scheduler_reserve_full_isl`). */
export const wholePrompt = (): Admission => ({
  name: 'whole-prompt',
  demand: (request, upTo, view) => ({ tokens: Math.max(upTo, request.numTokens), headroom: watermark(view) }),
});

/** Prompt and all that was promised: nothing can run out later. */
export const inputPlusMaxTokens = (): Admission => ({
  name: 'input-plus-max-tokens',
  // The last token's KV is never computed.
  demand: (request, upTo) => ({
    tokens: Math.max(upTo, request.promptTokens + request.maxTokens - 1),
    headroom: 0,
  }),
});

const ratio = { init: 0.7, min: 0.7 * 0.14, decaySteps: 600, clip: 4096, retractSteps: 20 };

/**
 * Prompt, promised output (clipped), and for each running request the share of its promise that it is
 * expected to use; the share falls from step to step and is estimated anew after a retraction (SGLang's
 * `new_token_ratio`).
 */
export const estimate = (): Admission => {
  let share = ratio.init;
  const rest = (request: HonestRequest) =>
    Math.min(Math.max(0, request.maxTokens - request.numOutputTokens), ratio.clip);
  return {
    name: 'estimate',
    demand(request, upTo, view) {
      if (view.running.length === 0) share = ratio.init;
      let growth = 0;
      // Who has not begun to decode counts in full.
      for (const other of view.running)
        growth += rest(other) * (other.decoding ? share : 1) * other.seqs.length;
      return { tokens: Math.max(upTo, request.numTokens + rest(request)), headroom: growth };
    },
    stepped() {
      share = Math.max(ratio.min, share - (ratio.init - ratio.min) / ratio.decaySteps);
    },
    preempted(view) {
      let generated = 0;
      let promised = 0;
      for (const request of view.running) {
        generated += request.numOutputTokens + ratio.retractSteps;
        promised += request.maxTokens;
      }
      share = promised > 0 ? Math.min(1, generated / promised) : ratio.init;
    },
  };
};

/** By name, for `--admission`. */
export const admissions = {
  'first-chunk': firstChunk,
  'whole-prompt': wholePrompt,
  'input-plus-max-tokens': inputPlusMaxTokens,
  estimate,
} satisfies Record<Admission['name'], () => Admission>;
