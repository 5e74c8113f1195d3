/**
 * A mistake of the user: the message says what is wrong, why, and what to do.
 * The command line prints it on one line and exits with code 2, without a stack trace.
 */
export class UsageError extends Error {
  override name = 'UsageError';
}
