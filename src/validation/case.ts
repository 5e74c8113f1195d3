/** A figure that was published or measured, and what Quire says instead. */
export interface Case {
  /** What was measured, with its circumstances: "OPT-13B, ShareGPT at 2 requests/s: batch of orca-max". */
  readonly what: string;
  /** Who says so: "vLLM paper, Fig. 13a". */
  readonly source: string;
  /** `%`, `ms`, `req/s`, `×`; empty for a plain number. */
  readonly unit: string;
  /** The published figure, or the two ends of a published range. */
  readonly measured: number | readonly [number, number];
  readonly predicted: number;
  /** Largest error that is accepted: relative (0.05), or in percentage points where `points` is set. */
  readonly bound?: number;
  /** Error that was aimed at and is missed, in the same measure; `note` says why. Nothing fails by it. */
  readonly aim?: number;
  /** The figure is itself a percentage: its error is a difference in points, not a ratio. */
  readonly points?: boolean;
  /** What a reader should know: a disputed record, why a bound is missed. */
  readonly note?: string;
}

/** Signed; relative (0.05), or in points. A value inside a published range has none. */
export function errorOf({ measured, predicted, points }: Case): number {
  const [low, high] = typeof measured === 'number' ? [measured, measured] : measured;
  const nearest = Math.min(high, Math.max(low, predicted));
  return points ? predicted - nearest : predicted / nearest - 1;
}

/** Whether the error is larger than its bound, or no number at all. */
export function isCrossed(figure: Case): boolean {
  return figure.bound !== undefined && !(Math.abs(errorOf(figure)) <= figure.bound);
}
