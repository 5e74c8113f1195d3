/** A latency curve past its knee, and where it got there. */
export interface Knee {
  /** The rate at which the latency reaches the limit, interpolated between two simulated rates. */
  readonly rate: number;
  /** Every rate that was simulated, ascending. */
  readonly points: readonly (readonly [rate: number, latency: number])[];
}

/** Simulated rates on both sides of the knee lie this close, relative to one another. */
const TOLERANCE = 0.1;
/** The first step of the search, which grows until the knee lies between two rates. */
const STRIDE = 1.12;
/** Rates this far below the start are not looked at. */
const DEEPEST = 1e-3;
const MAX_RUNS = 40;

/**
 * Highest rate whose mean latency stays within `limit`. Rates are tried up and down from `start` until the
 * limit lies between two of them, and then between those: where the logarithm of the latency, which is nearly
 * straight at the knee, meets that of the limit. A limit below the unloaded latency has no knee: rate 0.
 *
 * @param latencyAt rises with the rate, but for noise; NaN where nothing could be measured.
 */
export function findKnee(latencyAt: (rate: number) => number, start: number, limit: number): Knee {
  const seen = new Map<number, number>();
  const excess = (rate: number): number => {
    const latency = seen.get(rate) ?? latencyAt(rate);
    seen.set(rate, latency);
    return Math.log(latency / limit);
  };
  let [low, high] = [start, start];
  for (let step = STRIDE; excess(low) > 0; step **= 1.5) {
    if (low < start * DEEPEST) return { rate: 0, points: sorted(seen) };
    [high, low] = [low, low / step];
  }
  // No request was left to measure at so low a rate.
  if (Number.isNaN(excess(low))) return { rate: 0, points: sorted(seen) };
  for (let step = STRIDE; excess(high) <= 0; step **= 1.5) [low, high] = [high, high * step];
  for (let runs = 0; high / low > 1 + TOLERANCE && runs < MAX_RUNS; runs++) {
    const [below, above] = [excess(low), excess(high)];
    // Nearer than an eighth to neither end: else a bent curve is approached from one side only, for ever.
    const share = Math.min(0.875, Math.max(0.125, -below / (above - below)));
    const rate = low + (high - low) * share;
    if (excess(rate) > 0) high = rate;
    else low = rate;
  }
  const [below, above] = [excess(low), excess(high)];
  return { rate: low + (high - low) * (-below / (above - below)), points: sorted(seen) };
}

function sorted(seen: ReadonlyMap<number, number>): [number, number][] {
  return [...seen].filter(([, latency]) => !Number.isNaN(latency)).sort((a, b) => a[0] - b[0]);
}
