import type { Seconds } from '../../src/core/units.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { type BarKind, barKinds, barsOf } from './bars.ts';

/** When bars of a kind begin, and when they end: each ascending. */
interface Edges {
  readonly from: Float64Array;
  readonly to: Float64Array;
}

const all = new WeakMap<Recording, Readonly<Record<BarKind, Edges>>>();

/** How many requests do what at a time. A frame asks, so it is no walk over the requests. */
export function barCountsAt(recording: Recording, time: Seconds): Record<BarKind, number> {
  let edges = all.get(recording);
  if (!edges) all.set(recording, (edges = edgesOf(recording)));
  const counts = {} as Record<BarKind, number>;
  for (const kind of barKinds) {
    const { from, to } = edges[kind];
    counts[kind] = upTo(from, time) - upTo(to, time);
  }
  return counts;
}

function edgesOf(recording: Recording): Record<BarKind, Edges> {
  const bars = barsOf(recording).flat();
  const edges = {} as Record<BarKind, Edges>;
  for (const kind of barKinds) {
    const ofKind = bars.filter(bar => bar.kind === kind);
    const from = Float64Array.from(ofKind, bar => bar.from).sort();
    const to = Float64Array.from(ofKind, bar => bar.to).sort();
    edges[kind] = { from, to };
  }
  return edges;
}

/** How many of them, which ascend, are not after a time. */
function upTo(times: Float64Array, time: Seconds): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
