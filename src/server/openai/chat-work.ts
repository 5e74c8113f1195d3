import { toolsFrom } from '../../engine/structured/tools-from-request.ts';
import { badRequest } from '../api-error.ts';
import type { ServerOptions } from '../options.ts';
import { promptIds } from '../prompt-ids.ts';
import type { ServedModel } from '../served-model.ts';
import type { ChatRequest } from './chat-request.ts';
import { ChatShape } from './chat-shape.ts';
import { conversationText, textOf } from './conversation.ts';
import type { ResponseHead } from './response-shape.ts';
import { samplingOf } from './sampling.ts';
import { askOf, checkLogprobs, streamOf, structuredBy, textOptionsOf, type Work } from './work.ts';

/** What a request to `/v1/chat/completions` comes to. @throws ApiError 400 */
export async function chatWork(
  request: ChatRequest,
  model: ServedModel,
  head: ResponseHead,
  options: ServerOptions,
): Promise<Work> {
  const logprobs = logprobsOf(request, options.maxLogprobs);
  const use = toolsFrom(request);
  const stream = streamOf(request);
  const text = conversationText({ ...request, tools: use.tools as ChatRequest['tools'] }, model);
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  const ids = await promptIds(model, text, {
    // The template has written them.
    addSpecialTokens: request.add_special_tokens ?? false,
    truncate: request.truncate_prompt_tokens,
    maxTokens,
  });
  const params = samplingOf(request, model, {
    promptTokens: ids.length,
    maxTokens,
    logprobs,
    calls: use.structure,
  });
  const last = request.messages.at(-1)!;
  const role = (request.add_generation_prompt ?? true) ? 'assistant' : last.role;
  const shape = new ChatShape({
    head,
    role,
    tokenizer: model.tokenizer,
    asIds: request.return_tokens_as_token_ids ?? false,
    logprobs: request.logprobs ?? false,
    tools: use.parse,
    echo: request.echo && last.role === role ? textOf(last) : '',
    promptTokenIds: request.return_token_ids ? ids : undefined,
  });
  return {
    model,
    asks: [askOf(request, model, ids, params)],
    text: textOptionsOf(request),
    shape,
    stream,
    structured: structuredBy(request, use.structure),
  };
}

function logprobsOf({ logprobs, top_logprobs }: ChatRequest, most: number): number | undefined {
  if (top_logprobs !== undefined && top_logprobs > 0 && !logprobs) {
    throw badRequest('when using `top_logprobs`, `logprobs` must be set to true.', 'top_logprobs');
  }
  checkLogprobs(top_logprobs, most, 'top_logprobs');
  return logprobs ? (top_logprobs ?? 0) : undefined;
}
