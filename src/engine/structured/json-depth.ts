import { UsageError } from '../../core/errors.ts';

/** Values in values, at most: whoever writes or reads them goes down into them. */
const MOST_DEPTH = 512;

/** @throws UsageError for JSON that is nested too deeply. @param what it is, for the message. */
export function checkDepth(value: unknown, what: string): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_DEPTH) throw new UsageError(`${what} is nested deeper than ${MOST_DEPTH} values`);
    level = level.flatMap(one => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
}
