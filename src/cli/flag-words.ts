import { UsageError } from '../core/errors.ts';

/** Names of the library's that people of the command line know as flags. */
const names = [
  'temperature',
  'topK',
  'topP',
  'minP',
  'presencePenalty',
  'frequencyPenalty',
  'repetitionPenalty',
  'logitBias',
  'logprobs',
  'seed',
  'maxTokens',
  'minTokens',
  'stopTokenIds',
  'ignoreEos',
  'maxModelLen',
  'maxNumSeqs',
  'maxNumBatchedTokens',
  'blockSize',
  'numBlocks',
  'gpuMemory',
  'n',
];
const differing: Readonly<Record<string, string>> = { numBlocks: 'num_gpu_blocks_override' };
/** Words of one part are English as well: they are names at the beginning only. */
const anywhere = new RegExp(`\\b(${names.filter(name => /[A-Z]/.test(name)).join('|')})\\b`, 'g');
const atFirst = new RegExp(`^(${names.join('|')})\\b`);

export type Spelling = (name: string) => string;

/** `maxTokens` as `--max-tokens`. */
export const asFlag: Spelling = name => `--${asKey(name).replaceAll('_', '-')}`;

/** `maxTokens` as `max_tokens`. */
export const asKey: Spelling = name =>
  differing[name] ?? name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

/** Does something of the library's; what it refuses is said in the words of the command line. */
export function inWords<T>(spelling: Spelling, prefix: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw reworded(error, spelling, prefix);
  }
}

/** An error of the library with its names spelt as they are here; others as they are. */
export function reworded(error: unknown, spelling: Spelling, prefix = ''): unknown {
  if (!(error instanceof UsageError)) return error;
  const text = error.message.replace(atFirst, spelling).replace(anywhere, spelling);
  return new UsageError(`${prefix}${text}`);
}
