import type { EngineEvent, Listener } from '../core/events.ts';

/** Characters of a write: each is a call to the system. */
const PIECE = 65_536;

/** Every event as one line of JSON, handed on as it comes: requests by id, plans by what they ran. */
export class EventLog {
  readonly #write: (text: string) => void;
  #piece = '';

  /** @param write takes pieces of some size, each of whole lines. */
  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  listener(policy: string): Listener {
    return {
      detail: true,
      on: event => {
        this.#piece += `${JSON.stringify({ policy, ...plain(event) })}\n`;
        if (this.#piece.length >= PIECE) this.flush();
      },
    };
  }

  /** Hands on the last lines. */
  flush(): void {
    if (this.#piece !== '') this.#write(this.#piece);
    this.#piece = '';
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
