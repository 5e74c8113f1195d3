import type { Seconds } from '../core/units.ts';

/** Seconds since some moment; never goes back. */
export type Clock = () => Seconds;

/** A clock that reads 0 now. The one place where the engine looks at a real one. */
export function startClock(): Clock {
  const start = performance.now();
  return () => (performance.now() - start) / 1000;
}
