import { badRequest } from '../api-error.ts';
import type { ChatTemplate } from '../chat-template.ts';
import type { ServedModel } from '../served-model.ts';
import type { ChatRequest, Message } from './chat-request.ts';

type Conversation = Pick<
  ChatRequest,
  | 'messages'
  | 'add_generation_prompt'
  | 'continue_final_message'
  | 'documents'
  | 'chat_template'
  | 'chat_template_kwargs'
  | 'tools'
> &
  Partial<Pick<ChatRequest, 'tool_choice'>>;

/**
 * The text of the prompt that a conversation makes.
 * @throws ApiError 400 when the model has no template, or the template does not take it.
 */
export function conversationText(request: Conversation, model: ServedModel): string {
  const template = templateFor(request, model);
  const goesOn = request.continue_final_message ?? false;
  const addGenerationPrompt = request.add_generation_prompt ?? true;
  if (goesOn && addGenerationPrompt) {
    throw badRequest(
      'Cannot set both `continue_final_message` and `add_generation_prompt` to True.',
      'continue_final_message',
    );
  }
  const messages = request.messages.map(message => flattened(message, template));
  const text = template.render({
    ...request.chat_template_kwargs,
    messages,
    tools: request.tools ?? null,
    documents: request.documents ?? null,
    add_generation_prompt: addGenerationPrompt,
  });
  return goesOn ? withoutEnd(text, textOf(request.messages.at(-1)!)) : text;
}

function templateFor(request: Conversation, model: ServedModel): ChatTemplate {
  const { chatTemplate } = model;
  if (request.chat_template !== undefined) {
    throw badRequest(
      'A chat template of the request is not used: the server trusts its own only.',
      'chat_template',
    );
  }
  if (!chatTemplate) {
    throw badRequest(
      `The model ${model.id} has no chat template: use /v1/completions, or start the server with --chat-template.`,
      'messages',
    );
  }
  // Tools that are not to be called need not be known either.
  const mayCall = request.tool_choice !== 'none' && request.tools && request.tools.length > 0;
  if (mayCall && !chatTemplate.readsTools) {
    throw badRequest(
      `The chat template of ${model.id} has no place for tools: start the server with --chat-template and one that ` +
        'writes them (docs/structured.md), or send no tools.',
      'tools',
    );
  }
  return chatTemplate;
}

/** A message with its text, and the arguments of its calls, as the template expects them. */
function flattened(message: Message, template: ChatTemplate): Message {
  const text = textOf(message);
  const { content } = message;
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const calls = message['tool_calls'];
  return {
    ...message,
    content: template.readsParts ? parts : text,
    ...(Array.isArray(calls) && { tool_calls: calls.map(withArguments) }),
  };
}

/** Clients send arguments as the text that they were given; templates write objects, as vLLM hands them. */
function withArguments(call: unknown): unknown {
  const definition: unknown = Reflect.get(Object(call), 'function');
  const given: unknown = Reflect.get(Object(definition), 'arguments') ?? '';
  if (typeof definition !== 'object' || typeof given !== 'string') return call;
  return { ...Object(call), function: { ...definition, arguments: given === '' ? {} : parsed(given) } };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest(
      `A message has a tool call whose arguments are not JSON: ${text.slice(0, 100)}`,
      'messages',
    );
  }
}

/** @throws ApiError 400 for images, audio … */
export function textOf({ content }: Message): string {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  return content
    .map(({ type, text }) => {
      if ((type === 'text' || type === 'input_text') && typeof text === 'string') return text;
      throw badRequest(
        `A message has a part of type ${type.slice(0, 100)}, but the model reads text only.`,
        'messages',
      );
    })
    .join('\n');
}

/** The prompt up to the end of the message that is to go on, without what the template closes it with. */
function withoutEnd(text: string, final: string): string {
  const said = final.trimEnd();
  const at = text.lastIndexOf(said);
  if (at < 0) {
    throw badRequest(
      'continue_final_message is set, but the final message does not appear in the chat after applying the template.',
      'continue_final_message',
    );
  }
  return text.slice(0, at + said.length);
}
