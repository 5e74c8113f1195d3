import { UsageError } from '../../core/errors.ts';
import type { Tokens } from '../../core/units.ts';
import { checkWhole } from '../../sim/checks.ts';
import { createRng } from '../../sim/rng.ts';
import { lengthSampler } from '../../sim/workload/lengths.ts';
import { streamId, uniqueTokens } from '../../sim/workload/tokens.ts';
import type { SampleRequest, Samples } from '../sample-request.ts';
import type { Conversation } from './sharegpt-file.ts';
import { shuffled } from './shuffled.ts';

export interface ShareGptOptions {
  readonly count: number;
  readonly seed: number;
  /** Instead of the length of the recorded answer. */
  readonly outputLen?: Tokens | undefined;
}

/** Lengths as ShareGPT's, in text nobody wrote. @throws UsageError for impossible options. */
export function shareGptLikeSamples({ count, seed, outputLen }: ShareGptOptions): Samples {
  check(count, outputLen);
  const lengths = lengthSampler({ kind: 'sharegpt' }, createRng(seed, 'lengths'));
  const requests = Array.from({ length: count }, (_, index) => {
    const { promptTokens, outputTokens } = lengths.next();
    return {
      promptTokens,
      outputTokens: outputLen ?? outputTokens,
      content: uniqueTokens(streamId('request', index)),
    };
  });
  return {
    requests,
    notes: ['lengths like those of ShareGPT, not its texts: name its file with --dataset-path for these'],
  };
}

/** How long texts are, in tokens of the model; several at once. */
export type TokenCounter = (texts: readonly string[]) => Promise<readonly Tokens[]>;

/**
 * Conversations as people had them, as `vllm bench serve` takes them: the first message and the length of its answer,
 * shuffled, without those too short or too long; from the beginning again where the file has too few.
 *
 * @throws UsageError when no conversation passes.
 */
export async function shareGptSamples(
  conversations: readonly Conversation[],
  file: string,
  { count, seed, outputLen }: ShareGptOptions,
  counter: TokenCounter,
): Promise<Samples> {
  check(count, outputLen);
  const found: SampleRequest[] = [];
  const all = shuffled(conversations, seed);
  for (let from = 0; from < all.length && found.length < count; from += AT_ONCE) {
    const some = all.slice(from, from + AT_ONCE);
    const lengths = await counter(
      some.flatMap(({ prompt, answer }) => (outputLen ? [prompt] : [prompt, answer])),
    );
    some.forEach(({ prompt }, i) => {
      const promptTokens = outputLen ? lengths[i]! : lengths[2 * i]!;
      const outputTokens = outputLen ?? lengths[2 * i + 1]!;
      if (found.length < count && isFit(promptTokens, outputTokens, outputLen !== undefined))
        found.push({ promptTokens, outputTokens, content: prompt });
    });
  }
  if (found.length === 0) {
    throw new UsageError(
      `${file}: no conversation of ${LEAST} to ${MOST_PROMPT} tokens that is answered in ${LEAST} or more ` +
        `(${MOST_TOTAL} together); is this ShareGPT?`,
    );
  }
  const distinct = found.length;
  for (let i = 0; found.length < count; i++) found.push(found[i % distinct]!);
  const again = `${file}: ${distinct} conversations pass, so they come more than once`;
  return { requests: found, notes: distinct < count ? [again] : [] };
}

/** The filter of `vllm bench serve`; an answer of a given length may be short. */
function isFit(promptTokens: Tokens, outputTokens: Tokens, isGiven: boolean): boolean {
  return (
    promptTokens >= LEAST &&
    (isGiven || outputTokens >= LEAST) &&
    promptTokens <= MOST_PROMPT &&
    promptTokens + outputTokens <= MOST_TOTAL
  );
}

function check(count: number, outputLen: Tokens | undefined): void {
  checkWhole('--num-prompts', count, 1);
  if (outputLen !== undefined) checkWhole('--sharegpt-output-len', outputLen, 1);
}

const LEAST = 4;
const MOST_PROMPT = 1024;
const MOST_TOTAL = 2048;
const AT_ONCE = 64;
