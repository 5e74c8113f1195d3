import type { Config } from '../../sim/config.ts';
import { completeConfig, type PolicyResult, runExperiment } from '../../sim/experiment.ts';
import type { KernelChoice } from '../../sim/kernels/open-kernels.ts';
import { closedLoopWorkload } from '../../sim/workload/closed-loop.ts';
import { uniformLengths } from '../../sim/workload/lengths.ts';
import type { GroundTruth } from './ground-truth.ts';

/** How a campaign loads a server. */
export interface Recipe {
  /** Clients; each sends the next request as soon as the last is answered. */
  readonly concurrency: number;
  /** Requests of each: the first round meets an empty server, the others do not. */
  readonly rounds: number;
  /** Lengths are uniform between this share of the named ones and these. */
  readonly ratio: number;
  readonly server: Config;
}

/** Runs one deployment under a closed load. */
export async function closedLoad(
  { config, model, inputTokens, outputTokens }: GroundTruth,
  { concurrency, rounds, ratio, server }: Recipe,
  kernels: KernelChoice | undefined,
): Promise<PolicyResult> {
  const full = completeConfig({ ...config, ...server, trace: 'closed load', max_tokens: 'exact' });
  const from = (length: number): [number, number] => [Math.max(1, Math.floor(length * ratio)), length];
  const { results } = await runExperiment(full, {
    model,
    ...(kernels && { kernels }),
    openTrace: async () =>
      closedLoopWorkload({
        name: 'closed load',
        users: concurrency,
        thinkTime: 0.02,
        requests: { perUser: rounds },
        lengths: uniformLengths(from(inputTokens), from(outputTokens)),
        seed: 0,
        content: false,
      }),
  });
  return results[0]!;
}
