import type { EngineEvent, Listener } from '../core/events.ts';

/** Every event as one line of JSON: requests by id, plans by what they ran. */
export class EventLog {
  readonly #lines: string[] = [];

  listener(policy: string): Listener {
    return {
      detail: true,
      on: event => {
        this.#lines.push(JSON.stringify({ policy, ...plain(event) }));
      },
    };
  }

  /** In pieces of some size, for each is a write of its own. */
  *lines(): Generator<string, void, undefined> {
    let piece = '';
    for (const line of this.#lines) {
      piece += `${line}\n`;
      if (piece.length < 65_536) continue;
      yield piece;
      piece = '';
    }
    yield piece;
  }
}

/** The event without the engine's live objects. */
export function plain(event: EngineEvent): object {
  switch (event.type) {
    case 'arrived': {
      const { request, ...rest } = event;
      const { id, promptTokens, maxTokens, priority, width, beam } = request;
      return { ...rest, request: id, promptTokens, maxTokens, priority, width, beam };
    }
    case 'preempted':
      return { ...event, request: event.request.id, by: event.by.id };
    case 'finished': {
      const outputs = event.request.done.map(seq => ({ tokens: seq.outputTokens, reason: seq.finishReason }));
      return { ...event, request: event.request.id, outputs };
    }
    case 'token': {
      const { sequence, request, ...rest } = event;
      return { ...rest, request: request.id, sequence: sequence.index };
    }
    case 'step': {
      const { plan, result, ...rest } = event;
      const { step, totalTokens, numDecodes, heldRows, copiedTokens, swappedInBlocks, swappedOutBlocks } =
        plan;
      const requests = plan.requests.map(request => request.id);
      const counts = {
        step,
        totalTokens,
        numDecodes,
        heldRows,
        copiedTokens,
        swappedInBlocks,
        swappedOutBlocks,
      };
      return { ...rest, ...counts, requests, tokens: plan.numTokens, duration: result.duration };
    }
    case 'idle':
    case 'evicted':
      return event;
    case 'rejected':
    case 'admitted':
    case 'blocked':
    case 'aborted':
    case 'scheduled':
    case 'allocated':
    case 'cache-hit':
    case 'copied':
    case 'forked':
      return { ...event, request: event.request.id };
    default:
      return event satisfies never;
  }
}
