import type { Tokens } from '../../core/units.ts';
import { type Distribution, type LogNormal, logNormal, sampler } from '../distributions.ts';
import type { Random } from '../rng.ts';

/** How long prompts and answers are. */
export type LengthModel =
  | { readonly kind: 'independent'; readonly prompt: Distribution; readonly output: Distribution }
  /** ShareGPT as in the vLLM paper's Fig. 11: means 161.31 and 337.99 tokens. */
  | { readonly kind: 'sharegpt' }
  /** Alpaca as in the vLLM paper's Fig. 11: means 19.31 and 58.45 tokens. */
  | { readonly kind: 'alpaca' };

export interface LengthSampler {
  next(): { readonly promptTokens: Tokens; readonly outputTokens: Tokens };
  /** Another answer to a prompt of this length. */
  output(promptTokens: Tokens): Tokens;
}

export function fixedLengths(prompt: Tokens, output: Tokens): LengthModel {
  const fixed = (value: Tokens) => ({ kind: 'fixed', value }) as const;
  return { kind: 'independent', prompt: fixed(prompt), output: fixed(output) };
}

/** Every whole number of tokens between the two, ends included. */
export function uniformLengths(
  prompt: readonly [min: Tokens, max: Tokens],
  output: readonly [min: Tokens, max: Tokens],
): LengthModel {
  const uniform = ([min, max]: readonly [Tokens, Tokens]) => ({ kind: 'uniform', min, max }) as const;
  return { kind: 'independent', prompt: uniform(prompt), output: uniform(output) };
}

type Truncated = LogNormal & { readonly min?: Tokens; readonly max?: Tokens };

export function lognormalLengths(prompt: Truncated, output: Truncated): LengthModel {
  return {
    kind: 'independent',
    prompt: { kind: 'lognormal', ...prompt },
    output: { kind: 'lognormal', ...output },
  };
}

/** Throws `UsageError` when the model's numbers are impossible. */
export function lengthSampler(model: LengthModel, random: Random): LengthSampler {
  switch (model.kind) {
    case 'independent': {
      const prompt = sampler(model.prompt, random);
      const output = sampler(model.output, random);
      return { next: () => ({ promptTokens: prompt(), outputTokens: output() }), output };
    }
    case 'sharegpt':
      return filteredSampler(SHAREGPT, random);
    case 'alpaca':
      return filteredSampler(ALPACA, random);
    default:
      return model satisfies never;
  }
}

/** Two log-normals of which only the pairs that pass the filter are kept. */
interface Filtered {
  readonly prompt: { readonly mu: number; readonly sigma: number };
  readonly output: { readonly mu: number; readonly sigma: number };
  /** Of prompt and of output. */
  readonly min: Tokens;
  readonly maxPrompt: Tokens;
  /** Of prompt and output together. */
  readonly maxTotal: Tokens;
}

/**
 * The filter is that of `vllm bench serve` on ShareGPT. Given the two σ, the two μ are the root of "the
 * mean of the rounded, filtered pairs is the paper's", solved by summing over all pairs (SciPy `root`).
 *
 * σ of outputs: under load a request holds E[in] + E[out²]/E[out] slots, used and reserved, on average
 * over time. The paper has 757, 717 and 732 for Orca Max, Pow2 and Oracle: (token states + reservation of
 * Fig. 2) · 15,728 slots / (batch of Fig. 13a). σ = 0.8 gives 727, and a CV of 0.83.
 * σ of prompts: no published figure tells; 1.4 has most prompts short (median 87) and a tail up to the
 * filter's 1,024 (p90 422, p99 892), as Fig. 11a has.
 */
const SHAREGPT: Filtered = {
  prompt: { mu: 4.52374, sigma: 1.4 },
  output: { mu: 5.54463, sigma: 0.8 },
  min: 4,
  maxPrompt: 1024,
  maxTotal: 2048,
};

/**
 * Solved like `SHAREGPT`; the limit is OPT's context, and hardly ever met.
 *
 * σ of outputs: vLLM holds 132.44 requests (Fig. 13b) in 15,728 slots, and a paged request holds
 * E[in] + E[out²]/2E[out] on average: at most 119, so a CV of at most 1.55. σ = 1.1 gives 112, and 1.48.
 * σ of prompts: no published figure tells; 0.6 has a median of 16 and a p99 of 65, for one-line
 * instructions.
 */
const ALPACA: Filtered = {
  prompt: { mu: 2.78062, sigma: 0.6 },
  output: { mu: 3.4668, sigma: 1.1 },
  min: 1,
  maxPrompt: 1024,
  maxTotal: 2048,
};

function filteredSampler(of: Filtered, random: Random): LengthSampler {
  const drawPrompt = logNormal(of.prompt, random);
  const drawOutput = logNormal(of.output, random);
  return {
    next() {
      // The pair is drawn again, not one of the two: so does a filter over a data set.
      for (;;) {
        const promptTokens = Math.round(drawPrompt());
        const outputTokens = Math.round(drawOutput());
        if (
          promptTokens >= of.min &&
          outputTokens >= of.min &&
          promptTokens <= of.maxPrompt &&
          promptTokens + outputTokens <= of.maxTotal
        ) {
          return { promptTokens, outputTokens };
        }
      }
    },
    output(promptTokens) {
      const max = Math.max(of.maxTotal - promptTokens, of.maxTotal - of.maxPrompt);
      for (;;) {
        const outputTokens = Math.round(drawOutput());
        if (outputTokens >= of.min && outputTokens <= max) return outputTokens;
      }
    },
  };
}
