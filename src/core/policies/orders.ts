import type { HonestRequest } from '../request.ts';
import type { Order } from './policy.ts';

const byArrival = (a: HonestRequest, b: HonestRequest) => a.arrival - b.arrival || a.id - b.id;

export const fcfs: Order = { name: 'fcfs' };

/** `(priority, arrival)`, lower first, as vLLM's `--scheduling-policy priority`. */
export const priority: Order = {
  name: 'priority',
  compare: (a, b) => a.priority - b.priority || byArrival(a, b),
};

/** Fewest tokens that a server can know of: prompt, then promised output. */
export const shortestJobFirst: Order = {
  name: 'shortest-job-first',
  compare: (a, b) => a.promptTokens + a.maxTokens - (b.promptTokens + b.maxTokens) || byArrival(a, b),
};

/** Longest cached prefix first, so that what is in memory is used before it is evicted (SGLang paper §3). */
export const longestPrefixMatch: Order = {
  name: 'longest-prefix-match',
  arrange(view) {
    // Above 128 waiting requests SGLang does not pay for the search.
    if (view.numWaiting > 128) return byArrival;
    const hits = new Map<HonestRequest, number>();
    const hit = (request: HonestRequest) => {
      const known = hits.get(request) ?? view.memory.lookup(request);
      hits.set(request, known);
      return known;
    };
    return (a, b) => hit(b) - hit(a) || byArrival(a, b);
  },
};

/** By name, for `--order`. */
export const orders = {
  fcfs,
  priority,
  'shortest-job-first': shortestJobFirst,
  'longest-prefix-match': longestPrefixMatch,
} satisfies Record<Order['name'], Order>;
