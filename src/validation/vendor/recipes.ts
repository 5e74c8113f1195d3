import type { GroundTruth } from './ground-truth.ts';
import type { Recipe } from './closed-load.ts';

/** SemiAnalysis InferenceMAX: input and output lengths of its grid. */
const inferenceMax = ['1024/1024', '1024/8192', '8192/1024'];

/** How the rows of AIConfigurator's silicon sample were measured, as far as it is known. */
export function recipeOf({ engine, inputTokens, outputTokens, load }: GroundTruth): Recipe | undefined {
  const concurrency = Number(/^concurrency=(\d+)$/.exec(load)?.[1]);
  if (!(concurrency >= 1)) return undefined;
  const server = { policy: [engine], prefix_caching: 'off' as const };
  if (inferenceMax.includes(`${inputTokens}/${outputTokens}`)) {
    // Its published scripts: --random-range-ratio 0.8, ten prompts a client, --max-num-seqs $CONC, 8192 tokens a step.
    return {
      concurrency,
      rounds: 10,
      ratio: 0.8,
      server: { ...server, max_num_seqs: concurrency, max_num_batched_tokens: 8192 },
    };
  }
  // AIConfigurator's own collection: fixed lengths. Its TTFT grows by latency / (concurrency - 1) with the output
  // length at every degree of tensor parallelism: one of as many slots as clients cannot be used.
  return {
    concurrency,
    rounds: 10,
    ratio: 1,
    server: { ...server, max_num_seqs: Math.max(1, concurrency - 1) },
  };
}
