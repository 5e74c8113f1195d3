import type { Call } from './call.ts';
import { now } from './call.ts';
import type { Log } from './log.ts';

/** One line a request, when it is over. */
export function logCall(log: Log, call: Call): void {
  const { model, firstToken, arrival } = call;
  const fields = {
    id: call.id,
    endpoint: call.endpoint,
    model: model?.id,
    status: call.status,
    outcome: call.outcome,
    // The message may quote the prompt.
    param: call.param,
    prompt_tokens: call.promptTokens,
    completion_tokens: call.outputTokens,
    ttft_ms: firstToken === undefined ? undefined : milliseconds(firstToken - arrival),
    e2e_ms: milliseconds(now() - arrival),
    finish_reason: call.finishReasons.join(',') || undefined,
  };
  if (call.status >= 500) log.warn(fields, 'request');
  else log.info(fields, 'request');
}

function milliseconds(seconds: number): number {
  return Number((seconds * 1000).toFixed(1));
}
