/** A broken invariant is a bug in Quire, never the user's fault; users' mistakes are `UsageError`s. */
export class InvariantError extends Error {
  override name = 'InvariantError';
}

/** Throws when `condition` is false. The message is a thunk so that a true condition costs nothing. */
export function invariant(condition: unknown, message: () => string): asserts condition {
  if (!condition) throw new InvariantError(message());
}
