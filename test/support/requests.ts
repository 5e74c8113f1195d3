import { Request, type RequestSpec, Sequence } from '../../src/core/request.ts';
import { Text } from './text.ts';

let made = 0;

/** A request with sensible defaults; `prompt` is a text, or a length of unknown content. */
export function makeRequest(prompt: readonly number[] | number, spec: Partial<RequestSpec> = {}): Request {
  const known = typeof prompt === 'number' ? { promptTokens: prompt } : textOf(prompt);
  return new Request(made++, { arrival: 0, maxTokens: 16, ...known, ...spec });
}

function textOf(prompt: readonly number[]) {
  return { promptTokens: prompt.length, tokens: new Text(prompt) };
}

/** A row for each sample, as the scheduler gives them where memory cannot fork, or when samples are forked. */
export function widen(request: Request): void {
  const first = request.seqs[0]!;
  while (request.seqs.length < request.width) {
    const index = request.seqs.length;
    request.seqs.push(new Sequence(index, first.tokens?.fork?.(index)));
  }
}
