/**
 * A mistake of the user: the message says what is wrong, why, and what to do.
 * The command line prints it on one line and exits with code 2, without a stack trace.
 */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What the user wrote, as JSON, cut where it goes on and on. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 100 ? text : `${text.slice(0, 99)}…${typeof value === 'string' ? '"' : ''}`;
}
