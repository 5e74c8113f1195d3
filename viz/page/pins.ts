import { requestColumns } from '../../src/trace/request-columns.ts';
import type { Pin } from '../picture.ts';
import type { Runs } from './cursor.ts';
import type { PagePin, Side } from './state.ts';

/**
 * The pin as a pane numbers it, undefined where it is nothing of that pane: a request is the same in both,
 * a block or a decision is its own pane's.
 */
export function pinIn(side: Side, runs: Runs, pinned: PagePin | undefined): Pin | undefined {
  const recordingOf = (of: Side) => runs.find(([one]) => one === of)?.[1].recording;
  const recording = recordingOf(side);
  if (!pinned || !recording) return undefined;
  const { pin } = pinned;
  const { requests, decisions, memory } = recording;
  if (pinned.side !== side) {
    if (pin.kind !== 'request') return undefined;
    const id = recordingOf(pinned.side)?.requests[pin.request]?.id;
    const ids = requestColumns(requests).id;
    // Both panes mostly serve the same requests in the same order.
    const request = ids[pin.request] === id ? pin.request : ids.indexOf(id ?? Number.NaN);
    return request < 0 ? undefined : { kind: 'request', request };
  }
  switch (pin.kind) {
    case 'block':
      return pin.block < memory.numBlocks ? pin : undefined;
    case 'request':
      return pin.request < requests.length ? pin : undefined;
    case 'decision':
      return pin.decision < decisions.length ? pin : undefined;
    default:
      return pin satisfies never;
  }
}
