import type { ToolSchema } from '../../core/sampling-params.ts';
import type { Expr } from './expr.ts';
import { schemaExpr } from './json-schema.ts';
import type { JsonValues } from './json-values.ts';
import { TOOL_CALL_BEGIN, TOOL_CALL_END } from './tool-call-parser.ts';

/** Calls of tools as Hermes and Qwen models write them, at most so many. @throws UsageError as `schemaExpr` */
export function toolCallsExpr(json: JsonValues, tools: readonly ToolSchema[], most: number): Expr {
  const { exprs } = json;
  const line = exprs.text('\n');
  const calls = tools.map(({ name, parameters }) =>
    exprs.seq(
      exprs.text(`${TOOL_CALL_BEGIN}\n{"name": ${JSON.stringify(name)}, "arguments": `),
      schemaExpr(json, parameters),
      exprs.text(`}\n${TOOL_CALL_END}`),
    ),
  );
  const call = exprs.union(calls);
  return exprs.seq(call, exprs.repeat(exprs.seq(line, call), 0, most - 1));
}
