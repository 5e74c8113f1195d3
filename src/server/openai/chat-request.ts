import { z } from 'zod';
import { bounds } from '../options.ts';
import { count, flag, generationFields, name, optional } from './request-fields.ts';

const part = z.looseObject({ type: z.string(), text: z.string().nullish() });

/** A message of a conversation; what else it has is for the template. */
export const message = z.looseObject({
  role: name.min(1),
  content: z.union([z.string(), z.array(part)], { error: 'expected text, or a list of parts' }).nullish(),
});

export type Message = z.infer<typeof message>;

/** What makes a prompt of a conversation: `/v1/chat/completions`, and `/tokenize`. */
export const conversationFields = {
  messages: z.array(message).min(1).max(bounds.messages),
  add_generation_prompt: flag,
  continue_final_message: flag,
  add_special_tokens: flag,
  documents: optional(z.array(z.record(z.string(), z.unknown()))),
  chat_template: optional(z.string()),
  chat_template_kwargs: optional(z.record(z.string(), z.unknown())),
  tools: optional(z.array(z.record(z.string(), z.unknown()))),
} as const;

/** `/v1/chat/completions`. */
export const chatRequest = z.object({
  ...generationFields,
  ...conversationFields,
  max_completion_tokens: optional(count),
  logprobs: flag,
  top_logprobs: optional(count),
  parallel_tool_calls: flag,
  tool_choice: optional(z.union([z.string(), z.record(z.string(), z.unknown())])),
});

export type ChatRequest = z.infer<typeof chatRequest>;
