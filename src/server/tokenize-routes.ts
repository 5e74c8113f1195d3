import type { Hono } from 'hono';
import { z } from 'zod';
import { badRequest, invalidBody } from './api-error.ts';
import type { AppEnv } from './app.ts';
import { encode } from './encode.ts';
import type { Log } from './log.ts';
import type { ModelList } from './model-list.ts';
import { conversationFields } from './openai/chat-request.ts';
import { conversationText } from './openai/conversation.ts';
import { parseRequest } from './openai/parse-request.ts';
import { flag, name, optional } from './openai/request-fields.ts';
import type { ServerOptions } from './options.ts';
import { readBody } from './read-body.ts';

const tokenizeRequest = z.object({
  ...conversationFields,
  messages: optional(conversationFields.messages),
  model: optional(name),
  prompt: optional(z.string()),
  return_token_strs: flag,
});

const detokenizeRequest = z.object({ model: optional(name), tokens: z.unknown().optional() });

export interface TokenizeParts {
  readonly models: ModelList;
  readonly options: ServerOptions;
  readonly log: Log;
}

/** `/tokenize` and `/detokenize`. */
export function tokenizeRoutes(app: Hono<AppEnv>, { models, options, log }: TokenizeParts): void {
  app.post('/tokenize', async c => {
    const body = await readBody(c.req.raw, options.maxBodySize);
    const request = parseRequest(tokenizeRequest, body, log);
    const { model } = models.route(request.model);
    const { messages, prompt } = request;
    if ((messages === undefined) === (prompt === undefined)) {
      throw invalidBody('expected prompt, or messages', 'prompt');
    }
    const text = prompt ?? conversationText({ ...request, messages: messages! }, model);
    const special = request.add_special_tokens ?? prompt !== undefined;
    const tokens = await encode(model.tokenizer, text, special);
    return c.json({
      count: tokens.length,
      max_model_len: model.engine.info.limits.maxModelLen,
      tokens,
      token_strs: request.return_token_strs ? tokens.map(id => model.tokenizer.token(id) ?? '') : null,
    });
  });

  app.post('/detokenize', async c => {
    const body = await readBody(c.req.raw, options.maxBodySize);
    const request = parseRequest(detokenizeRequest, body, log);
    const { model } = models.route(request.model);
    const ids = request.tokens;
    if (!Array.isArray(ids) || !ids.every(id => Number.isSafeInteger(id) && id >= 0)) {
      throw invalidBody('tokens: expected a list of token ids', 'tokens');
    }
    const { vocab } = model.engine.info.config;
    const unknown = ids.find(id => id >= vocab);
    if (unknown !== undefined) {
      throw badRequest(`tokens has id ${unknown}, but the model's ids are 0 to ${vocab - 1}.`, 'tokens');
    }
    return c.json({ prompt: model.tokenizer.decode(ids, { skipSpecialTokens: false }) });
  });
}
