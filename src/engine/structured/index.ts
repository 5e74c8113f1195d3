export { type StructureFields, structureFrom } from './from-request.ts';
export { StructureCompiler } from './structure-compiler.ts';
export {
  parseToolCalls,
  type ToolCall,
  type ToolCallDelta,
  ToolCallParser,
  type ToolDelta,
} from './tool-call-parser.ts';
export { type ToolFields, type ToolUse, toolsFrom } from './tools-from-request.ts';
export type { Spelling } from './vocabulary.ts';
