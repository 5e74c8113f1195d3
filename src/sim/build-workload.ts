import type { Tokens } from '../core/units.ts';
import type { Config, configDefaults } from './config.ts';
import { type ArrivalProcess, vllmBenchArrivals } from './workload/arrivals.ts';
import { chatWorkload } from './workload/chat.ts';
import { closedLoopWorkload } from './workload/closed-loop.ts';
import { fixedLengths, type LengthModel, lognormalLengths, uniformLengths } from './workload/lengths.ts';
import { syntheticWorkload } from './workload/synthetic.ts';
import type { Arrival, Workload } from './workload/workload.ts';

/** A config with its defaults filled in. */
export type FullConfig = Config & {
  readonly [K in keyof typeof configDefaults]-?: NonNullable<Config[K]>;
};

/** Requests of a synthetic workload when the config names no number. */
const DEFAULT_PROMPTS = 1000;

/** The synthetic workload that a config describes, for one seed. */
export function buildWorkload(
  config: FullConfig,
  seed: number,
  maxModelLen: Tokens,
  content: boolean,
): Workload {
  const { workload } = config;
  const count = config.num_prompts ?? DEFAULT_PROMPTS;
  const lengths = lengthsOf(config);
  const arrivals = arrivalsOf(config);
  switch (workload) {
    case 'closed-loop': {
      const { users, think_time: thinkTime } = config;
      const requests = { total: count };
      return closedLoopWorkload({ name: workload, users, thinkTime, requests, lengths, seed, content });
    }
    case 'chat':
      return chatWorkload({
        name: workload,
        sessions: config.users,
        arrivals,
        turns: { kind: 'geometric', mean: config.turns },
        thinkTime: config.think_time,
        message: { kind: 'lognormal', mean: config.input_len, sigma: 1, min: 1 },
        output: { kind: 'lognormal', mean: config.output_len, sigma: 0.8, min: 1 },
        maxContext: maxModelLen,
        seed,
      });
    default:
      return syntheticWorkload({
        name: workload,
        count,
        seed,
        arrivals,
        lengths,
        content,
        samples: config.beam_width ? 1 : config.n,
        ...(config.beam_width !== undefined && { beamWidth: config.beam_width }),
        ...(workload === 'shared-prefix' && {
          prefix: { groups: config.prefix_groups, tokens: config.prefix_len },
        }),
        ...(config.abort_after !== undefined && { abortAfter: config.abort_after }),
        ...(config.high_priority_share !== undefined && {
          priority: [
            { priority: 0, weight: config.high_priority_share },
            { priority: 1, weight: 1 - config.high_priority_share },
          ],
        }),
      });
  }
}

function lengthsOf({
  workload,
  input_len: input,
  output_len: output,
  range_ratio: ratio,
}: FullConfig): LengthModel {
  const around = (mean: number): [number, number] => [
    Math.max(1, Math.round(mean * (1 - ratio))),
    Math.max(1, Math.round(mean * (1 + ratio))),
  ];
  switch (workload) {
    case 'sharegpt':
    case 'alpaca':
      return { kind: workload };
    case 'uniform':
      return uniformLengths(around(input), around(output));
    case 'lognormal':
      return lognormalLengths({ mean: input, sigma: 1, min: 1 }, { mean: output, sigma: 1, min: 1 });
    case 'shared-prefix':
    case 'closed-loop':
      return lognormalLengths({ mean: input, sigma: 0.7, min: 1 }, { mean: output, sigma: 0.7, min: 1 });
    default:
      return fixedLengths(input, output);
  }
}

function arrivalsOf({ request_rate: rate, burstiness, fixed_rate: fixed }: FullConfig): ArrivalProcess {
  if (rate === 'inf') return { kind: 'all-at-once' };
  return fixed ? { kind: 'fixed-rate', rate } : vllmBenchArrivals(rate, burstiness);
}

/**
 * `max_tokens` of requests whose client names none. `auto` rounds the true output up to the next of
 * 1024, 2048, 4096 …, as clients pick generous round limits: policies that reserve by it learn little of
 * the truth. `exact` is what `vllm bench` sends (output length, ignoring the end of sequence).
 */
export function maxTokensRule(rule: FullConfig['max_tokens']): (arrival: Arrival) => Tokens {
  if (typeof rule === 'number') return () => rule;
  return ({ outputTokens }) => {
    const longest = Math.max(...outputTokens);
    return rule === 'exact' ? longest : Math.max(1024, 2 ** Math.ceil(Math.log2(longest)));
  };
}
