import { randomUUID } from 'node:crypto';

/** What may go into a header and a log as it came. */
const harmless = /^[\w.:@/+=-]{1,128}$/;

/** The client's `x-request-id` where it is one, else a new one. */
export function requestId(given: string | null | undefined): string {
  return given && harmless.test(given) ? given : randomUUID().replaceAll('-', '');
}
