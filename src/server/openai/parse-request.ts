import type { z } from 'zod';
import { type ApiError, invalidBody } from '../api-error.ts';
import type { Log } from '../log.ts';
import { acceptedFields } from './request-fields.ts';

/** Problems that are told at once. */
const MOST_ISSUES = 10;
const LONGEST_MESSAGE = 300;

const said = new Set<string>();
const MOST_SAID = 1000;

/**
 * A body as the endpoint takes it. Fields that it does not know are accepted, as in vLLM, and named in the log once.
 * @throws ApiError 400 that says what is wrong with which field.
 */
export function parseRequest<T extends z.ZodObject>(
  schema: T,
  body: Record<string, unknown>,
  log: Log,
): z.infer<T> {
  const parsed = schema.safeParse(body, { reportInput: false });
  if (!parsed.success) throw invalid(parsed.error.issues);
  for (const key of Object.keys(body)) {
    if (Object.hasOwn(schema.shape, key) || acceptedFields.has(key)) continue;
    const field = key.slice(0, 100);
    if (said.has(field) || said.size >= MOST_SAID) continue;
    said.add(field);
    log.debug({ field }, 'a request has a field that is not known; it has no effect');
  }
  return parsed.data;
}

function invalid(issues: readonly z.core.$ZodIssue[]): ApiError {
  const told = issues.slice(0, MOST_ISSUES).map(issue => {
    const path = pathOf(issue);
    const message = issue.message.endsWith('received undefined') ? 'Field required' : issue.message;
    return `${path === '' ? '' : `${path}: `}${message}`.slice(0, LONGEST_MESSAGE);
  });
  const more = issues.length > told.length ? ` (and ${issues.length - told.length} more)` : '';
  return invalidBody(told.join('; ') + more, pathOf(issues[0]!) || undefined);
}

function pathOf({ path }: z.core.$ZodIssue): string {
  return path.map(String).join('.').slice(0, LONGEST_MESSAGE);
}
