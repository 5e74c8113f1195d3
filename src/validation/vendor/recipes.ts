import type { Seconds, Tokens } from '../../core/units.ts';
import type { Config } from '../../sim/config.ts';
import type { GroundTruth } from './ground-truth.ts';

/** How a campaign loads a server in a closed loop. */
export interface Recipe {
  /** Clients; each sends the next request as soon as the last is answered. */
  readonly concurrency: number;
  /** Requests of each: the first round meets an empty server, the others do not. */
  readonly rounds: number;
  /** Lengths are uniform between this share of the named ones and these. */
  readonly ratio: number;
  readonly server: Config;
}

/** HTTP, tokeniser and network of one request: BLIS's α0, fitted to client-side runs of vLLM on H100. */
export const API_PATH: Seconds = 0.0156;

/** SemiAnalysis InferenceMAX: input and output lengths of its grid. */
const inferenceMax = ['1024/1024', '1024/8192', '8192/1024'];

/** How a row of AIConfigurator's silicon sample was measured, as far as it is known; undefined for other loads. */
export function recipeOf({ inputTokens, outputTokens, load }: GroundTruth): Recipe | undefined {
  const concurrency: Tokens = Number(/^concurrency=(\d+)$/.exec(load)?.[1]);
  if (!(concurrency >= 1)) return undefined;
  const server: Config = { prefix_caching: 'off' };
  if (inferenceMax.includes(`${inputTokens}/${outputTokens}`)) {
    // Its published scripts: range ratio 0.8, ten prompts a client, as many slots as clients, 8192 tokens a step.
    return {
      concurrency,
      rounds: 10,
      ratio: 0.8,
      server: { ...server, max_num_seqs: concurrency, max_num_batched_tokens: 8192 },
    };
  }
  // AIConfigurator's own collection, by the generator's benchmark rule: max_batch_size = clients, max_num_tokens =
  // clients + input + 1500. Its TTFT grows with the output length by latency ÷ (clients − 1) at every degree of
  // tensor parallelism: one of as many slots as clients cannot be used.
  return {
    concurrency,
    rounds: 10,
    ratio: 1,
    server: {
      ...server,
      max_num_seqs: Math.max(1, concurrency - 1),
      max_num_batched_tokens: concurrency + inputTokens + 1500,
    },
  };
}
