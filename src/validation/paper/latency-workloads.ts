import type { Seconds, Tokens } from '../../core/units.ts';
import { sampler } from '../../sim/distributions.ts';
import { createRng } from '../../sim/rng.ts';
import { arrivalTimes, vllmBenchArrivals } from '../../sim/workload/arrivals.ts';
import { type LengthModel, lengthSampler, lognormalLengths } from '../../sim/workload/lengths.ts';
import { concatTokens, streamId, uniqueTokens } from '../../sim/workload/tokens.ts';
import type { Arrival } from '../../sim/workload/workload.ts';

/** The requests of one trace; Poisson arrivals at `rate` for `duration`, the same ones whoever serves them. */
export type Trace = (rate: number, duration: Seconds) => readonly Arrival[];

export interface Sampling {
  /** Parallel samples of each request, or beams. */
  readonly n: number;
  readonly beam: boolean;
}

/** Text completion (§6.2, §6.3): all samples of a request are as long as the data set's answer (`trace.py`). */
export function completion(lengths: LengthModel, { n, beam }: Sampling = { n: 1, beam: false }): Trace {
  const { next } = lengthSampler(lengths, createRng(0, 'lengths'));
  return trace(() => {
    const { promptTokens, outputTokens } = next();
    return {
      promptTokens,
      outputTokens: Array<Tokens>(beam ? 1 : n).fill(outputTokens),
      ...(beam && { beamWidth: n }),
    };
  });
}

/**
 * Sentences of newstest2016, English to German, in LLaMA's tokens: about 21 words each, 1.3 tokens a word of
 * English and 2.1 of German, and two of "=>". From general knowledge; the paper prints neither.
 */
const sentences = lognormalLengths({ mean: 30, sigma: 0.55, min: 4 }, { mean: 44, sigma: 0.55, min: 2 });

/** Translation behind one prefix of examples that all requests share (§6.4). */
export function translation(prefix: Tokens): Trace {
  const { next } = lengthSampler(sentences, createRng(0, 'lengths'));
  const shared = uniqueTokens(streamId('prefix', 0));
  let index = 0;
  return trace(() => {
    const { promptTokens, outputTokens } = next();
    const own = uniqueTokens(streamId('request', index++));
    return {
      promptTokens: prefix + promptTokens,
      outputTokens: [outputTokens],
      tokens: concatTokens([
        { source: shared, offset: 0, length: prefix },
        { source: own, offset: 0, length: Number.POSITIVE_INFINITY },
      ]),
    };
  });
}

export interface Chat {
  /** Chance that an arrival begins a conversation instead of going on with one (`--new-prob`). */
  readonly newProbability: number;
  /** Most tokens of history and question, and of an answer (`generate_chatbot_requests`). */
  readonly maxPrompt: Tokens;
  readonly maxOutput: Tokens;
  /** Mean turns of a conversation; the paper does not say. About those of public ShareGPT dumps. */
  readonly turns: number;
}

/** Conversations (§6.5): questions and answers as long as ShareGPT's, each turn an arrival of its own. */
export function chat({ newProbability, maxPrompt, maxOutput, turns }: Chat): Trace {
  const random = createRng(0, 'chat');
  const length = sampler({ kind: 'geometric', mean: turns }, random);
  const { next } = lengthSampler({ kind: 'sharegpt' }, createRng(0, 'lengths'));
  const started: { said: Tokens; left: number }[] = [];
  return trace(() => {
    const fresh = random() < newProbability || started.length === 0;
    const at = fresh ? started.length : Math.floor(random() * started.length);
    if (fresh) started.push({ said: 0, left: length() });
    const conversation = started[at]!;
    const { promptTokens: question, outputTokens } = next();
    const prompt = conversation.said + question;
    conversation.said = prompt + outputTokens;
    if (--conversation.left === 0) started.splice(at, 1);
    return {
      promptTokens: Math.min(prompt, maxPrompt),
      outputTokens: [Math.min(outputTokens, maxOutput)],
    };
  });
}

/** @param next draws the requests, in order. Every rate meets the same ones: each is drawn once. */
function trace(next: () => Omit<Arrival, 'arrival'>): Trace {
  const drawn: Omit<Arrival, 'arrival'>[] = [];
  return (rate, duration) => {
    const times = arrivalTimes(vllmBenchArrivals(rate), Math.round(rate * duration), 0);
    return Array.from(times, (arrival, i) => {
      drawn[i] ??= next();
      return { arrival, ...drawn[i] };
    });
  };
}
