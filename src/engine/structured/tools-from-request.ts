import { quoted, UsageError } from '../../core/errors.ts';
import type { Structure, ToolSchema } from '../../core/sampling-params.ts';
import { checkDepth } from './json-depth.ts';
import { ofStructure } from './structure-error.ts';

/** Fields of a chat request that say which tools the model may call, as they come. */
export interface ToolFields {
  readonly tools?: unknown;
  readonly tool_choice?: unknown;
  readonly parallel_tool_calls?: unknown;
}

/** What they come to. */
export interface ToolUse {
  /** What the chat template is told of; undefined: nothing. */
  readonly tools: readonly unknown[] | undefined;
  /** Whether calls in the output are calls, and not text. */
  readonly parse: boolean;
  /** What the output must be, where a call is required. */
  readonly structure: Structure | undefined;
}

/** Tools of a request, and calls of an output, at most. */
export const toolLimits = { tools: 128, calls: 16 } as const;

const none: ToolUse = { tools: undefined, parse: false, structure: undefined };

/** Which tools may or must be called. @throws StructureError as vLLM refuses it. */
export function toolsFrom(fields: ToolFields): ToolUse {
  const { tools } = fields;
  const given = tools === undefined || tools === null ? [] : ofStructure(() => listOf(tools), 'tools');
  return ofStructure(() => toolUse(given, fields), 'tool_choice');
}

function toolUse(given: readonly unknown[], { tool_choice, parallel_tool_calls }: ToolFields): ToolUse {
  const choice = tool_choice ?? (given.length > 0 ? 'auto' : 'none');
  // The model may know of tools that it is not to call, as in vLLM.
  if (choice === 'none') return { ...none, tools: given.length > 0 ? given : undefined };
  if (given.length === 0) throw new UsageError('When using `tool_choice`, `tools` must be set.');
  const schemas = ofStructure(() => given.map(schemaOf), 'tools');
  if (choice === 'auto') return { tools: given, parse: true, structure: undefined };
  const most = parallel_tool_calls === false ? 1 : toolLimits.calls;
  if (choice === 'required') return { tools: given, parse: true, structure: callsOf(schemas, most) };
  const named = schemas.filter(({ name }) => name === nameIn(choice));
  if (named.length === 0) {
    throw new UsageError('The tool specified in `tool_choice` does not match any of the specified `tools`');
  }
  return { tools: given, parse: true, structure: callsOf(named, 1) };
}

function callsOf(tools: readonly ToolSchema[], most: number): Structure {
  return { type: 'tool_calls', tools, most };
}

function listOf(tools: unknown): readonly unknown[] {
  if (!Array.isArray(tools)) throw new UsageError(`tools is ${quoted(tools)}, but must be a list`);
  if (tools.length > toolLimits.tools) {
    throw new UsageError(`there are ${tools.length} tools, more than ${toolLimits.tools}`);
  }
  checkDepth(tools, 'tools');
  return tools;
}

function schemaOf(tool: unknown): ToolSchema {
  const definition = field(tool, 'function');
  const name = field(definition, 'name');
  if (field(tool, 'type') !== 'function' || typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    throw new UsageError(
      `tools has ${quoted(tool)}, but a tool is {"type": "function", "function": {"name": …, "parameters": …}}, its ` +
        'name of at most 64 letters, digits, dots, underscores and dashes',
    );
  }
  const parameters = field(definition, 'parameters') ?? { type: 'object', properties: {} };
  // Arguments are an object, whatever the schema leaves out.
  const schema = typeof parameters === 'object' ? { type: 'object', ...parameters } : parameters;
  return { name, parameters: JSON.stringify(schema) };
}

function nameIn(choice: unknown): unknown {
  if (typeof choice === 'object' && field(choice, 'type') === 'function')
    return field(field(choice, 'function'), 'name');
  throw new UsageError(
    `tool_choice is ${quoted(choice)}, but must be "none", "auto", "required", or {"type": "function", "function": ` +
      '{"name": …}}',
  );
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}
