import { GiB, MiB } from '../core/units.ts';
import type { CompletionOutput, RequestOutput } from '../engine/outputs.ts';
import { bold, duration, number, percent, whole, wrap } from './format.ts';
import { claimedKinds, kvBytes, medianTtft } from './generate-json.ts';
import type { PromptEntry } from './generate-prompts.ts';
import type { GenerateRun } from './generate-run.ts';

/** The outputs as a person reads them, and what it took. */
export function generateText(run: GenerateRun): string {
  const many = run.outputs.length > 1;
  const texts = run.outputs.map((output, i) => outputText(output, many ? `${i + 1}. ` : ''));
  return `${texts.join('\n\n')}\n\n${summaryText(run)}`;
}

/** Said where log-probabilities are asked for, which texts have not; undefined where they are not. */
export function logprobsText(entries: readonly PromptEntry[]): string | undefined {
  if (entries.every(({ params }) => params.logprobs === undefined)) return undefined;
  return 'log-probabilities are not printed with texts: --json prints them, --out FILE writes them';
}

/** Said of outputs that the context ended before they had the tokens that were asked for; undefined for none. */
export function contextText({ entries, outputs, llm }: GenerateRun): string | undefined {
  const cut = outputs.flatMap(({ outputs: samples }, i) => {
    const { maxTokens = 0 } = entries[i]!.params;
    return samples.filter(
      ({ finishReason, tokenIds }) => finishReason === 'length' && tokenIds.length < maxTokens,
    );
  });
  if (cut.length === 0) return undefined;
  const [some, end] = cut.length === 1 ? ['1 output', 'ends'] : [`${whole(cut.length)} outputs`, 'end'];
  return `${some} ${end} where the context of ${whole(llm.limits.maxModelLen)} tokens does, before max_tokens`;
}

function outputText({ prompt, promptTokenIds, outputs }: RequestOutput, head: string): string {
  const count = promptTokenIds.length;
  // What stands in for a prompt is not continued by the text, as a prompt is.
  const shown =
    prompt === undefined
      ? `${bold(`[${count} token id${count === 1 ? '' : 's'}]`)} `
      : bold(printable(prompt));
  const texts = outputs.map(
    output => `${shown}${printable(output.text)}\n  [${endOf(output, outputs.length)}]`,
  );
  return `${head}${texts.join('\n\n')}`;
}

function endOf({ index, tokenIds, finishReason, stopReason }: CompletionOutput, samples: number): string {
  const sample = samples > 1 ? `sample ${index}: ` : '';
  const reason = stopReason === undefined ? finishReason : `${finishReason} ${JSON.stringify(stopReason)}`;
  return `${sample}${whole(tokenIds.length)} tokens, ${reason}`;
}

/** A model may write anything; a terminal obeys some of it. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, char => (char === '\n' || char === '\t' ? char : '\ufffd'));
}

function summaryText(run: GenerateRun): string {
  const { chosen, source, policy, llm, summary, rates, loadTime } = run;
  const { limits, engine } = llm;
  const { memory } = summary;
  const speeds = [
    ...(rates.prefill === undefined ? [] : [`prefill ${number(rates.prefill)} tokens/s`]),
    ...(rates.decode === undefined ? [] : [`decode ${number(rates.decode)} tokens/s`]),
  ];
  const taken = claimedKinds.filter(kind => memory.shares[kind] > 0);
  const claimed = taken.reduce((sum, kind) => sum + memory.shares[kind], 0);
  const kinds = taken.map(kind => `${percent(memory.shares[kind] / claimed)} ${kind}`);
  const size = `${whole(engine.runner.numBlocks)} blocks of ${limits.blockSize} tokens (${sizeText(kvBytes(run))})`;
  const lines = [
    [
      'model',
      `${source.name} on ${chosen.device} (${chosen.backend}, ${chosen.dtype}), ready in ${time(loadTime)}`,
    ],
    [
      'batch',
      `${policy.name}: ${whole(summary.steps)} steps of ${number(summary.meanBatch)} requests on average` +
        `${summary.preemptions > 0 ? `, ${whole(summary.preemptions)} preemptions` : ''}` +
        `${summary.cachedTokens > 0 ? `, ${whole(summary.cachedTokens)} prompt tokens from the prefix cache` : ''}`,
    ],
    [
      'speed',
      `${whole(summary.outputTokens)} tokens in ${time(summary.seconds)}, ` +
        `${number(summary.outputThroughput)} tokens/s; ${[...speeds, `first token after ${time(medianTtft(run))}`].join(', ')}`,
    ],
    [
      'memory',
      `${size}, at most ${whole(memory.peakTokens)} tokens at once; what was taken: ${kinds.join(', ')}`,
    ],
  ];
  return lines.map(([name, text]) => wrap(`${name!.padEnd(7)} ${text}`)).join('\n');
}

const time = (seconds: number) => duration(seconds * 1000);

function sizeText(bytes: number): string {
  return bytes >= GiB ? `${number(bytes / GiB)} GiB` : `${number(bytes / MiB)} MiB`;
}
