import type { EngineEvent } from '../core/events.ts';
import type { WaitReason } from '../core/step-plan.ts';

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** Why the head of the queue stays out, in words. `unit` is what the memory hands out. */
export function waitText(reason: WaitReason, unit: 'block' | 'slot'): string {
  switch (reason.kind) {
    case 'no-blocks':
      return `needs ${plural(reason.needs, unit)}, ${reason.free} free`;
    case 'max-num-seqs':
      return `the batch is full: it has room for ${plural(reason.limit, 'sequence')}`;
    case 'token-budget':
      return `needs ${plural(reason.needs, 'token')} of this step, ${reason.left} left`;
    case 'preemption':
      return 'a request was preempted in this step: its memory is for those that run';
    case 'prefill-step':
      return 'this step computes prompts; it decodes, and joins the next step that does';
    case 'decode-step':
      return 'this step decodes; its prompt is computed in the next one';
    case 'batch-running':
      return `the batch is not done: ${plural(reason.unfinished, 'request')} of it still run${reason.unfinished === 1 ? 's' : ''}`;
    case 'join-threshold':
      return `${reason.waiting} wait, and the batch is interrupted for ${reason.needs}`;
    default:
      return reason satisfies never;
  }
}

/** What was decided, in words; undefined for what is not a decision about a request. */
export function reasonOf(event: EngineEvent, unit: 'block' | 'slot'): string | undefined {
  switch (event.type) {
    case 'arrived': {
      const { promptTokens, width, beam } = event.request;
      const samples = width === 1 ? '' : `, ${plural(width, beam ? 'beam' : 'sample')}`;
      return `a prompt of ${plural(promptTokens, 'token')}${samples}`;
    }
    case 'rejected':
      return event.reason;
    case 'admitted':
      return admittedText(event);
    case 'blocked':
      return waitText(event.reason, unit);
    case 'preempted': {
      if (event.deviceLost)
        return `the device was lost: ${plural(event.lostTokens, 'token')} will be computed again`;
      const { by, request, needs, free, mode, lostTokens } = event;
      const who = by === request ? 'it' : `request ${by.id}`;
      const then =
        mode === 'swap' ? 'swapped out to the host' : `${plural(lostTokens, 'token')} will be computed again`;
      return `${who} needs ${plural(needs, unit)}, ${free} free: ${then}`;
    }
    case 'finished': {
      const outputs = event.request.done.map(seq => seq.outputTokens);
      const cut = event.request.done.some(seq => seq.finishReason === 'length');
      return `${plural(Math.max(0, ...outputs), 'token')} generated${cut ? ', cut at the limit' : ''}`;
    }
    case 'aborted':
      return `the client hung up after ${plural(event.request.numOutputTokens, 'token')}`;
    case 'forked':
      return `sequence ${event.to} shares all of sequence ${event.from}'s ${unit}s`;
    case 'copied':
      return `block ${event.src} is shared: copied to block ${event.dst} before it is written`;
    default:
      return undefined;
  }
}

function admittedText(event: EngineEvent & { type: 'admitted' }): string {
  const { request, from, cachedTokens, time } = event;
  if (from === 'swapped') return 'swapped in from the host';
  const tokens = plural(request.numTokens, 'token');
  const cached = cachedTokens > 0 ? `${cachedTokens} of ${tokens} found in the prefix cache` : `${tokens}`;
  if (from === 'preempted') return `comes back; ${cached}${cachedTokens > 0 ? '' : ' to compute again'}`;
  const waited = time - request.arrival;
  return `waited ${waited.toFixed(3)} s; ${cached}${cachedTokens > 0 ? '' : ' to compute'}`;
}
