import { UsageError } from '../../core/errors.ts';
import type { Tokens } from '../../core/units.ts';
import { checkWhole } from '../../sim/checks.ts';
import { concatTokens, streamId, uniqueTokens } from '../../sim/workload/tokens.ts';
import type { SampleRequest, Samples } from '../sample-request.ts';
import { shuffled } from './shuffled.ts';

export interface PrefixRepetitionOptions {
  readonly count: number;
  readonly seed: number;
  readonly prefixLen: Tokens;
  readonly suffixLen: Tokens;
  readonly numPrefixes: number;
  readonly outputLen: Tokens;
}

/**
 * `prefix_repetition` of `vllm bench serve`: each prefix as often as the others, in a random order; what does not
 * divide by their number is left out. @throws UsageError for impossible options.
 */
export function prefixRepetitionSamples(options: PrefixRepetitionOptions): Samples {
  const { count, seed, prefixLen, suffixLen, numPrefixes, outputLen } = options;
  checkWhole('--num-prompts', count, 1);
  checkWhole('--prefix-repetition-prefix-len', prefixLen, 1);
  checkWhole('--prefix-repetition-suffix-len', suffixLen, 1);
  checkWhole('--prefix-repetition-num-prefixes', numPrefixes, 1);
  checkWhole('--prefix-repetition-output-len', outputLen, 1);
  const each = Math.floor(count / numPrefixes);
  if (each === 0) {
    throw new UsageError(
      `--num-prompts ${count} is less than --prefix-repetition-num-prefixes ${numPrefixes}: send each prefix at least once`,
    );
  }
  const requests: SampleRequest[] = [];
  for (let prefix = 0; prefix < numPrefixes; prefix++) {
    const shared = uniqueTokens(streamId('prefix', prefix));
    for (let i = 0; i < each; i++) {
      const own = uniqueTokens(streamId('request', requests.length));
      requests.push({
        promptTokens: prefixLen + suffixLen,
        outputTokens: outputLen,
        content: concatTokens([
          { source: shared, offset: 0, length: prefixLen },
          { source: own, offset: 0, length: suffixLen },
        ]),
      });
    }
  }
  const left = count - requests.length;
  const notes =
    left > 0
      ? [`${requests.length} prompts instead of ${count}: as many for each of ${numPrefixes} prefixes`]
      : [];
  return { requests: shuffled(requests, seed), notes };
}
