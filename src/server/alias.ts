import { quoted, UsageError } from '../core/errors.ts';

/** A name that stands for one model, or for several by weight. */
export interface Alias {
  readonly name: string;
  readonly targets: readonly { readonly model: string; readonly weight: number }[];
}

/** `small=A` or `prod=A:90,B:10`. @throws UsageError when it is neither. */
export function parseAlias(text: string): Alias {
  const at = text.indexOf('=');
  const name = text.slice(0, at);
  if (at < 1 || name.trim() === '' || at === text.length - 1) throw wrong(text);
  const targets = text
    .slice(at + 1)
    .split(',')
    .map(part => {
      // Names of the hub have no colon.
      const match = /^([^:]+)(?::(\d+(?:\.\d+)?))?$/.exec(part.trim());
      if (!match) throw wrong(text);
      return { model: match[1]!, weight: Number(match[2] ?? 1) };
    });
  if (!targets.some(({ weight }) => weight > 0)) throw wrong(text);
  return { name, targets };
}

function wrong(text: string): UsageError {
  return new UsageError(
    `--alias: expected NAME=MODEL or NAME=MODEL:WEIGHT,MODEL:WEIGHT, such as prod=A:90,B:10, found ${quoted(text)}`,
  );
}

/**
 * Which target the `turn`-th request of an alias goes to: spread as evenly as the weights allow, so that shares hold
 * over short stretches too and a test of A against B need not wait for the law of large numbers.
 * @param turn 0, 1, 2 …
 */
export function pickTarget({ targets }: Alias, turn: number): string {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  // Multiples of the golden ratio, whose fractions fill the interval evenly from any start.
  let point = ((turn * 0.6180339887498949) % 1) * total;
  for (const { model, weight } of targets) {
    if (point < weight) return model;
    point -= weight;
  }
  return targets.findLast(({ weight }) => weight > 0)!.model;
}
