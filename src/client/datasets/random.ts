import { UsageError } from '../../core/errors.ts';
import type { Tokens } from '../../core/units.ts';
import { checkNumber, checkWhole } from '../../sim/checks.ts';
import { createRng } from '../../sim/rng.ts';
import { lengthSampler, uniformLengths } from '../../sim/workload/lengths.ts';
import { concatTokens, streamId, uniqueTokens } from '../../sim/workload/tokens.ts';
import type { Samples } from '../sample-request.ts';

export interface RandomOptions {
  readonly count: number;
  readonly seed: number;
  readonly inputLen: Tokens;
  readonly outputLen: Tokens;
  /** Lengths are uniform within `length · (1 ± ratio)`; from 0 to below 1. */
  readonly rangeRatio: number;
  /** Tokens that all prompts begin with, beside `inputLen`. */
  readonly prefixLen: Tokens;
}

/** `random` of `vllm bench serve`: prompts nobody shares but for a prefix. @throws UsageError for impossible options. */
export function randomSamples(options: RandomOptions): Samples {
  const { count, seed, inputLen, outputLen, rangeRatio, prefixLen } = options;
  checkWhole('--num-prompts', count, 1);
  checkWhole('--random-input-len', inputLen, 0);
  checkWhole('--random-output-len', outputLen, 1);
  checkWhole('--random-prefix-len', prefixLen, 0);
  checkNumber('--random-range-ratio', rangeRatio, 0, 1);
  if (rangeRatio === 1) throw new UsageError('--random-range-ratio must be below 1');
  const [least, most] = around(inputLen, rangeRatio);
  if (prefixLen + least < 1) {
    throw new UsageError(
      `--random-input-len ${inputLen} is too small: with --random-range-ratio ${rangeRatio} and ` +
        `--random-prefix-len ${prefixLen} a prompt could be empty; make one of the lengths larger`,
    );
  }
  // The lengths of the library begin at 1; those of the part after a prefix may be 0.
  const lengths = lengthSampler(
    uniformLengths([least + 1, most + 1], atLeastOne(around(outputLen, rangeRatio))),
    createRng(seed, 'lengths'),
  );
  const shared = uniqueTokens(streamId('prefix', 0));
  const requests = Array.from({ length: count }, (_, index) => {
    const { promptTokens, outputTokens } = lengths.next();
    const own = uniqueTokens(streamId('request', index));
    return {
      promptTokens: prefixLen + promptTokens - 1,
      outputTokens,
      content:
        prefixLen === 0
          ? own
          : concatTokens([
              { source: shared, offset: 0, length: prefixLen },
              { source: own, offset: 0, length: Number.POSITIVE_INFINITY },
            ]),
    };
  });
  return { requests, notes: [] };
}

/** Rounded outwards, as vLLM rounds. */
function around(length: Tokens, ratio: number): [Tokens, Tokens] {
  return [Math.floor(length * (1 - ratio)), Math.ceil(length * (1 + ratio))];
}

function atLeastOne([low, high]: [Tokens, Tokens]): [Tokens, Tokens] {
  return [Math.max(1, low), Math.max(1, high)];
}
