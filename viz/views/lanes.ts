import { Derived } from '../../src/trace/derived.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { requestColumns } from '../../src/trace/request-columns.ts';
import type { Pane } from '../picture.ts';
import { barColumns } from './bar-columns.ts';
import { remember } from './remember.ts';
import type { Plot } from './time-axis.ts';

/** Below this, lanes cannot be told apart; above, they would be beams. */
const [THINNEST, THICKEST] = [2, 22];

export interface Lanes {
  /** Indices of the requests that have a lane, from the top. */
  readonly requests: readonly number[];
  /** From one lane to the next, and what of it bars fill. */
  readonly pitch: number;
  readonly thickness: number;
}

/** The request that is pinned, or that a pinned block or decision belongs to. */
export function pinnedRequest({ pin, blocks, recording }: Pane): number | undefined {
  if (pin?.kind === 'request') return pin.request;
  if (pin?.kind === 'decision') return recording.decisions[pin.decision]?.request;
  const owner = pin && blocks.owner[pin.block];
  return owner !== undefined && owner >= 0 ? owner : undefined;
}

/** Those alive in the window; where there is no room for all, every so many of them, and the pinned. */
export function lanesOf(recording: Recording, plot: Plot, pinned: number | undefined): Lanes {
  const height = plot.bottom - plot.top;
  const most = Math.max(1, Math.floor(height / THINNEST));
  const all = living(recording, `${plot.from} ${plot.to}`, () => aliveIn(recording, plot));
  const requests = all.length > most ? sample(all, most, pinned) : [...all];
  const pitch = height / Math.max(1, requests.length);
  return { requests, pitch, thickness: Math.min(THICKEST, pitch >= 4 ? pitch * 0.8 : pitch) };
}

function sample(all: Int32Array, most: number, pinned: number | undefined): number[] {
  const every = all.length / most;
  const sampled = Array.from({ length: most }, (_, lane) => all[Math.floor(lane * every)]!);
  const at = all.indexOf(pinned ?? -1);
  if (at >= 0) sampled[Math.floor(at / every)] = pinned!;
  return sampled;
}

const living = remember<Int32Array>();

/** Requests as they arrive. */
export const arrivalOrder = new Derived('order', ({ requests }) => {
  const { arrival, count } = requestColumns(requests);
  const order = Int32Array.from({ length: count }, (_, i) => i);
  // Most recordings have them so already.
  const sorted = arrival.every((time, i) => i === 0 || time >= arrival[i - 1]!);
  return sorted ? order : order.sort((a, b) => arrival[a]! - arrival[b]! || a - b);
});

function aliveIn(recording: Recording, plot: Plot): Int32Array {
  const { start, from, to } = barColumns.of(recording);
  const { arrival } = requestColumns(recording.requests);
  return arrivalOrder.of(recording).filter(request => {
    const [first, end] = [start[request]!, start[request + 1]!];
    // Turned away at once, it did nothing; it came, all the same.
    if (first === end) return arrival[request]! >= plot.from && arrival[request]! <= plot.to;
    return from[first]! < plot.to && to[end - 1]! > plot.from;
  });
}
