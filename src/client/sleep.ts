import type { Seconds } from '../core/units.ts';

/** Waits, or until the signal comes. */
export async function sleep(time: Seconds, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  await new Promise<void>(resolve => {
    const over = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, time * 1000);
    signal?.addEventListener('abort', over);
  });
}
