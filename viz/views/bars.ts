import type { Seconds } from '../../src/core/units.ts';
import { lazyList } from '../../src/trace/lazy-list.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { type BarColumns, type BarKind, barColumns, barKinds } from './bar-columns.ts';

export { type BarKind, barKinds };

export interface Bar {
  readonly from: Seconds;
  readonly to: Seconds;
  readonly kind: BarKind;
  /** Steps it took, and tokens computed in them. */
  readonly steps: number;
  readonly tokens: number;
}

/** What each request did, in order and without gaps from its arrival to its end. Each chunk of a prefill is a bar of its own. */
export function barsOf(recording: Recording): readonly (readonly Bar[])[] {
  const columns = barColumns.of(recording);
  return lazyList(recording.requests.length, request => barsOfRequest(columns, request));
}

function barsOfRequest({ start, from, to, kind, steps, tokens }: BarColumns, request: number): Bar[] {
  const first = start[request]!;
  return Array.from({ length: start[request + 1]! - first }, (_, i) => ({
    from: from[first + i]!,
    to: to[first + i]!,
    kind: barKinds[kind[first + i]!]!,
    steps: steps[first + i]!,
    tokens: tokens[first + i]!,
  }));
}

/** The bar of a request at a time, by its index; −1 before it arrives and after it ends. */
export function barAt(bars: readonly Bar[], time: Seconds): number {
  let [low, high] = [0, bars.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[middle]!.to > time) high = middle;
    else low = middle + 1;
  }
  return low < bars.length && bars[low]!.from <= time ? low : -1;
}
