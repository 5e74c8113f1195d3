import type { Listener } from './events.ts';
import type { MemoryObserver } from './kv-memory.ts';
import type { Seconds } from './units.ts';

/** What happens inside the memory, as events at the time that `now` tells. */
export function memoryEvents(listener: Listener, now: () => Seconds): MemoryObserver {
  return {
    allocated: (request, seq, blocks) =>
      listener.on({ type: 'allocated', time: now(), request, sequence: seq.index, blocks }),
    cacheHit: (request, seq, blocks) =>
      listener.on({ type: 'cache-hit', time: now(), request, sequence: seq.index, blocks }),
    evicted: block => listener.on({ type: 'evicted', time: now(), block }),
    copied: ({ request, src, dst }) => listener.on({ type: 'copied', time: now(), request, src, dst }),
  };
}
