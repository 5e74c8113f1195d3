import { UsageError } from '../../core/errors.ts';

/** Values in values, at most, for whoever writes or reads them goes down into them; and values in all. */
const most = { depth: 512, values: 65_536 } as const;

/** @throws UsageError for JSON that is nested too deeply, or is too much. @param what it is, for the message. */
export function checkDepth(value: unknown, what: string): void {
  let level: unknown[] = [value];
  let values = 1;
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most.depth) throw new UsageError(`${what} is nested deeper than ${most.depth} values`);
    const below: unknown[] = [];
    for (const one of level) {
      if (typeof one !== 'object' || one === null) continue;
      const parts = Object.values(one);
      values += parts.length;
      if (values > most.values) throw new UsageError(`${what} has more than ${most.values} values`);
      for (const part of parts) below.push(part);
    }
    level = below;
  }
}
