import type { RequestRecord } from '../client/request-record.ts';
import type { Vocabulary } from '../client/vocabulary.ts';
import { pythonFloat } from './bench-serve-file.ts';
import type { BenchPlan } from './bench-serve-plan.ts';
import { number, whole } from './format.ts';

/** What prompts are made of. */
export function promptsText(
  { flags, dataset }: BenchPlan,
  { words, tokensPerWord, isExact }: Vocabulary,
): string {
  if (dataset === 'sharegpt' && flags.datasetPath !== undefined) {
    return isExact
      ? 'Prompts: the texts of the file, their tokens counted by the server'
      : 'Prompts: the texts of the file; the server does not tokenize, so a token is taken for four characters';
  }
  if (flags.promptType === 'token-ids') {
    return flags.vocabSize === undefined
      ? `Prompts: token ids of ${words.length} words that the server knows`
      : `Prompts: token ids below ${flags.vocabSize}`;
  }
  if (!isExact) return 'Prompts: words of about one token, as the server does not tokenize';
  return tokensPerWord === 1
    ? `Prompts: ${words.length} words of one token each, by the server's /tokenize`
    : `Prompts: words of ${number(tokensPerWord)} tokens on average, by the server's /tokenize`;
}

/** How the requests are sent, in the words of `vllm bench serve`. */
export function trafficText({ flags, selfTimed, requestRate }: BenchPlan): string {
  if (selfTimed) return 'Self timing is set, using the timestamps from the trace file.';
  const { burstiness, maxConcurrency } = flags;
  return [
    `Traffic request rate: ${pythonFloat(requestRate)}`,
    `Burstiness factor: ${pythonFloat(burstiness)} (${burstiness === 1 ? 'Poisson process' : 'Gamma distribution'})`,
    `Maximum request concurrency: ${maxConcurrency ?? 'None'}`,
  ].join('\n');
}

/** The first messages of requests that failed, each once; undefined when none did. */
export function failuresText(records: readonly RequestRecord[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { success, error } of records) if (!success) counts.set(error, (counts.get(error) ?? 0) + 1);
  if (counts.size === 0) return undefined;
  const shown = [...counts].slice(0, MAX_MESSAGES);
  return [
    'Failed requests during benchmark run detected:',
    ...shown.map(([error, count], i) => `Error ${i}: ${error}${count > 1 ? ` (${whole(count)} times)` : ''}`),
    ...(counts.size > MAX_MESSAGES ? [`and ${counts.size - MAX_MESSAGES} other messages`] : []),
  ].join('\n');
}

/** What else must be known to read the figures. */
export function recordNotes(records: readonly RequestRecord[]): string[] {
  const without = records.filter(({ success, hasUsage }) => success && !hasUsage).length;
  if (without === 0) return [];
  return [
    `note: ${whole(without)} answers came without usage: their input lengths are those meant, their tokens the chunks with text`,
  ];
}

const MAX_MESSAGES = 10;
