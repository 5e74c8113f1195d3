import type { Seconds } from '../../src/core/units.ts';
import { Derived } from '../../src/trace/derived.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { type BarKind, barColumns, barKinds } from './bar-columns.ts';

/** When bars of a kind begin, and when they end: each ascending. */
interface Edges {
  readonly from: Float64Array;
  readonly to: Float64Array;
}

/** How many requests do what at a time. A frame asks, so it is no walk over the requests. */
export function barCountsAt(recording: Recording, time: Seconds): Record<BarKind, number> {
  const edges = barEdges.of(recording);
  const counts = {} as Record<BarKind, number>;
  for (const kind of barKinds) {
    const { from, to } = edges[kind];
    counts[kind] = upTo(from, time) - upTo(to, time);
  }
  return counts;
}

export const barEdges = new Derived('edges', (recording): Record<BarKind, Edges> => {
  const { kind: kinds, from, to } = barColumns.of(recording);
  const edges = {} as Record<BarKind, Edges>;
  for (const [kind, name] of barKinds.entries()) {
    const isOfKind = (_: number, i: number) => kinds[i] === kind;
    edges[name] = { from: from.filter(isOfKind).sort(), to: to.filter(isOfKind).sort() };
  }
  return edges;
});

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
