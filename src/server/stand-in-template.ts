import { ChatTemplate, readNamedTokens } from './chat-template.ts';

/**
 * Turns are written as the model that ships knows them, whose tokenizer a stand-in has. That one was never taught
 * tools or instructions; the models that are stood in for were: they have a place here, tools as Hermes and Qwen models
 * are told of them.
 */
const source = String.raw`
{{- bos_token }}
{%- if tools %}
  {{- 'System: You may call functions. Each line is one, as JSON:\n<tools>\n' }}
  {%- for tool in tools %}{{- (tool | tojson) + '\n' }}{% endfor %}
  {{- '</tools>\nTo call one, write:\n<tool_call>\n{"name": its name, "arguments": an object}\n</tool_call>\n' }}
{%- endif %}
{%- for message in messages %}
  {%- if message.role == 'user' %}
    {{- 'User: ' + message.content + '\n' }}
  {%- elif message.role == 'assistant' %}
    {{- 'Assistant:\n' + message.content }}
    {%- for call in message.tool_calls or [] %}
      {{- '\n' if message.content or not loop.first else '' }}
      {{- '<tool_call>\n{"name": ' + (call.function.name | tojson) + ', "arguments": ' }}
      {{- (call.function.arguments | tojson) + '}\n</tool_call>' }}
    {%- endfor %}
    {{- eos_token }}
  {%- elif message.role == 'tool' %}
    {{- 'Tool:\n<tool_response>\n' + message.content + '\n</tool_response>\n' }}
  {%- else %}
    {{- 'System: ' + message.content + '\n' }}
  {%- endif %}
{%- endfor %}
{{- 'Assistant:\n' if add_generation_prompt else '' }}`;

/**
 * The template of a model that is only priced.
 * @param folder Of the tokenizer.
 * @throws UsageError when its config cannot be read.
 */
export async function standInTemplate(folder: string): Promise<ChatTemplate> {
  return new ChatTemplate(source, await readNamedTokens(folder), 'the stand-in');
}
