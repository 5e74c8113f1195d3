import type { Victim } from './policy.ts';

/** The last one admitted: an older request is never set back for a younger one. */
export const newest: Victim = { name: 'newest', pick: running => running.length - 1 };

/** The worst `(priority, arrival)`. */
export const lowestPriority: Victim = {
  name: 'lowest-priority',
  pick(running) {
    let worst = 0;
    for (const [i, request] of running.entries()) {
      const other = running[worst]!;
      const later =
        request.priority - other.priority || request.arrival - other.arrival || request.id - other.id;
      if (later > 0) worst = i;
    }
    return worst;
  },
};

/** Fewest outputs, then longest prompt: what costs least to lose (SGLang's retraction). */
export const fewestOutputs: Victim = {
  name: 'fewest-outputs',
  pick(running) {
    let worst = 0;
    for (const [i, request] of running.entries()) {
      const other = running[worst]!;
      const later =
        other.numOutputTokens - request.numOutputTokens || request.promptTokens - other.promptTokens;
      // The newest among equals: two of a kind must not take each other's memory for ever.
      if (later >= 0) worst = i;
    }
    return worst;
  },
};

/** By name, for `--victim`. */
export const victims = {
  newest,
  'lowest-priority': lowestPriority,
  'fewest-outputs': fewestOutputs,
} satisfies Record<Victim['name'], Victim>;
