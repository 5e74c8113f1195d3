/**
 * A mistake of the user: the message says what is wrong, why, and what to do.
 * The command line prints it on one line and exits with code 2, without a stack trace.
 */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What the user wrote, as JSON, cut where it goes on and on. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value, beginning) ?? String(value);
  return text.length <= 100 ? text : `${text.slice(0, 99)}…${typeof value === 'string' ? '"' : ''}`;
}

/** As much of a value as can be seen: it may be megabytes. */
function beginning(_: string, value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, 200);
  return Array.isArray(value) ? value.slice(0, 100) : value;
}
