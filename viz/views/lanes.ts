import type { Recording } from '../../src/trace/recording.ts';
import type { Pane } from '../picture.ts';
import { type Bar, barsOf } from './bars.ts';
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
  let requests = living(recording, `${plot.from} ${plot.to}`, () => {
    const bars = barsOf(recording);
    return order(recording).filter(request =>
      alive(bars[request]!, recording.requests[request]!.arrival, plot),
    );
  });
  if (requests.length > most) {
    const every = requests.length / most;
    const sampled = Array.from({ length: most }, (_, lane) => requests[Math.floor(lane * every)]!);
    const at = requests.indexOf(pinned ?? -1);
    if (at >= 0) sampled[Math.floor(at / every)] = pinned!;
    requests = sampled;
  }
  const pitch = height / Math.max(1, requests.length);
  return { requests, pitch, thickness: Math.min(THICKEST, pitch >= 4 ? pitch * 0.8 : pitch) };
}

const living = remember<readonly number[]>();

const orders = new WeakMap<Recording, readonly number[]>();

function order(recording: Recording): readonly number[] {
  let known = orders.get(recording);
  if (!known) {
    const { requests } = recording;
    known = requests.map((_, i) => i).sort((a, b) => requests[a]!.arrival - requests[b]!.arrival || a - b);
    orders.set(recording, known);
  }
  return known;
}

function alive(bars: readonly Bar[], arrival: number, { from, to }: Plot): boolean {
  // Turned away at once, it did nothing; it came, all the same.
  if (bars.length === 0) return arrival >= from && arrival <= to;
  return bars[0]!.from < to && bars.at(-1)!.to > from;
}
