import type { Recording } from '../../src/trace/recording.ts';

/** Window and size of two panes in two themes: more is not on the screen at once. */
const KEPT = 4;

/**
 * Keeps what is costly to lay out and does not depend on the cursor, by recording and a key that says what else it
 * depends on. The newest few stay.
 */
export function remember<T>(): (recording: Recording, key: string, make: () => T) => T {
  const all = new WeakMap<Recording, Map<string, T>>();
  return (recording, key, make) => {
    let kept = all.get(recording);
    if (!kept) all.set(recording, (kept = new Map()));
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = make();
    kept.set(key, made);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
    return made;
  };
}
