import type { Ask } from '../../engine/engine-client.ts';
import { badRequest } from '../api-error.ts';
import type { ServerOptions } from '../options.ts';
import { promptIds } from '../prompt-ids.ts';
import type { ServedModel } from '../served-model.ts';
import type { CompletionRequest } from './completion-request.ts';
import { CompletionShape } from './completion-shape.ts';
import type { RawPrompt } from './read-prompts.ts';
import type { ResponseHead } from './response-shape.ts';
import { samplingOf } from './sampling.ts';
import { askOf, checkLogprobs, streamOf, structuredBy, textOptionsOf, type Work } from './work.ts';

/** vLLM's, which are OpenAI's. */
const MAX_TOKENS = 16;

/** What a request to `/v1/completions` comes to. @throws ApiError 400 */
export async function completionWork(
  request: CompletionRequest,
  prompts: readonly RawPrompt[],
  model: ServedModel,
  head: ResponseHead,
  options: ServerOptions,
): Promise<Work> {
  const { logprobs, echo } = request;
  checkLogprobs(logprobs, options.maxLogprobs, 'logprobs');
  if (echo && logprobs !== undefined) {
    throw badRequest(
      'echo with logprobs asks for log probabilities of the prompt, which are not supported: leave one of them out.',
      'echo',
    );
  }
  const stream = streamOf(request);
  // Said to be null: as many as there is room for. Not said: OpenAI's default.
  const promptOnly = request.max_tokens === 0 && (echo ?? false);
  const maxTokens = promptOnly ? 1 : request.max_tokens;
  const asks: Ask[] = [];
  for (const prompt of prompts) {
    const ids = await promptIds(model, prompt, {
      addSpecialTokens: request.add_special_tokens ?? true,
      truncate: request.truncate_prompt_tokens,
      maxTokens,
    });
    const params = samplingOf(request, model, { promptTokens: ids.length, maxTokens, logprobs });
    asks.push(askOf(request, model, ids, params));
  }
  const { tokenizer } = model;
  const shape = new CompletionShape({
    head,
    tokenizer,
    asIds: request.return_tokens_as_token_ids ?? false,
    logprobs: logprobs !== undefined,
    echo: echo
      ? prompts.map((prompt, i) =>
          typeof prompt === 'string' && request.truncate_prompt_tokens === undefined
            ? prompt
            : tokenizer.decode(asks[i]!.promptTokenIds),
        )
      : undefined,
    promptOnly,
    promptTokenIds: request.return_token_ids ? asks.map(({ promptTokenIds }) => promptTokenIds) : undefined,
  });
  const structured = structuredBy(request);
  return { model, asks, text: textOptionsOf(request), shape, stream, structured };
}

/** The default of a field that may also be said to be null. */
export function withDefaultMaxTokens(body: Record<string, unknown>): Record<string, unknown> {
  return body['max_tokens'] === undefined ? { ...body, max_tokens: MAX_TOKENS } : body;
}
