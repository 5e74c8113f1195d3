import type { Seconds } from '../../core/units.ts';

/** What waits have a core of their own for, at first: an H200's steps take 5 to 20 ms, and must not end later. */
export const BRISK: Seconds = 0.02;
/** Milliseconds from look to look afterwards: a late answer is a twentieth later at most. */
const PAUSE = 1;

type SetImmediate = typeof globalThis.setImmediate;

let genuine: SetImmediate | undefined;
/** For how long each device that is open wants its waits to be brisk. */
const open = new Set<{ readonly brisk: Seconds }>();
let brisk: Seconds = 0;
/** When the wait began that is under way, in milliseconds. */
let since = 0;
/** Dawn's callback runs, which asks for another as long as anything is awaited. */
let looking = false;

/**
 * As long as anything of a GPU is awaited, Dawn's binding looks for it in `setImmediate`, at every turn of the event
 * loop: a core of its own, which a software GPU would compute with, and others have a use for. It offers nothing else
 * to wait with, and takes `setImmediate` from the global object each time. From now on, in this thread, its callback,
 * and nobody else's, is called again after a millisecond once a wait takes longer than `brisk`.
 * @returns ends it; with the last one the global object is as before.
 */
export function waitPatiently(forBrisk: Seconds): () => void {
  const holder = { brisk: forBrisk };
  open.add(holder);
  settle();
  return () => {
    open.delete(holder);
    settle();
  };
}

/** An answer came: what else is awaited is awaited from now on. */
export function waitAnew(): void {
  since = performance.now();
}

function settle(): void {
  brisk = Math.max(0, ...Array.from(open, holder => holder.brisk));
  if (open.size > 0) {
    if (genuine) return;
    genuine = globalThis.setImmediate;
    // With its form for promises.
    Object.defineProperties(patient, Object.getOwnPropertyDescriptors(genuine));
    globalThis.setImmediate = patient as SetImmediate;
  } else if (globalThis.setImmediate === patient) {
    globalThis.setImmediate = genuine!;
    genuine = undefined;
  }
  // Else somebody has put something on top, which calls ours as long as it likes.
}

function patient(what: (...rest: unknown[]) => void, ...rest: unknown[]): unknown {
  if (open.size === 0 || !isDawns(what)) return genuine!(what, ...rest);
  if (!looking) waitAnew();
  const look = () => {
    looking = true;
    try {
      what(...rest);
    } finally {
      looking = false;
    }
  };
  return performance.now() - since < brisk * 1000 ? genuine!(look) : setTimeout(look, PAUSE);
}

/** Native, without a name, and such as `new` would take: neither what resolves a promise nor a bound function is. */
function isDawns(what: unknown): boolean {
  return (
    typeof what === 'function' &&
    what.name === '' &&
    Object.hasOwn(what, 'prototype') &&
    Function.prototype.toString.call(what).endsWith('{ [native code] }')
  );
}
