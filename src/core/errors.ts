/**
 * A mistake of the user: the message says what is wrong, why, and what to do.
 * The command line prints it on one line and exits with code 2, without a stack trace.
 */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Characters of a value that a message has room for. */
const ROOM = 100;

/** What the user wrote, as JSON, cut where it goes on and on. */
export function quoted(value: unknown): string {
  const text = beginning(value, ROOM + 1);
  return text.length <= ROOM ? text : `${text.slice(0, ROOM - 1)}…${typeof value === 'string' ? '"' : ''}`;
}

/**
 * JSON of a value, whole if it is no longer than `room`, and else at least that much of it. `JSON.stringify` writes
 * all before any of it is cut: it runs out of stack where lists are nested deep, and throws at cycles. NaN and
 * infinities, which JSON has not, are shown as what they are.
 */
function beginning(value: unknown, room: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, Math.max(0, room)));
  if (typeof value !== 'object' || value === null) return String(value);
  if ('toJSON' in value && typeof value.toJSON === 'function') return beginning(value.toJSON(), room);
  const isList = Array.isArray(value);
  let text = isList ? '[' : '{';
  for (const key of isList ? value.keys() : Object.keys(value)) {
    if (text.length >= room) return text;
    if (text.length > 1) text += ',';
    if (typeof key === 'string') text += `${beginning(key, room)}:`;
    text += beginning(Reflect.get(value, key), room - text.length);
  }
  return text + (isList ? ']' : '}');
}
