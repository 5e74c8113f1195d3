import { z } from 'zod';
import { UsageError } from '../core/errors.ts';
import { judge } from './accuracy.ts';
import type { Outcome } from './run-studies.ts';

const baselineCase = z.object({
  what: z.string(),
  source: z.string(),
  error: z.number().nullable(),
  points: z.boolean().optional(),
  crossed: z.boolean(),
});
const schema = z.object({
  studies: z.array(z.object({ name: z.string(), cases: z.array(baselineCase) })),
});

type BaselineCase = z.infer<typeof baselineCase>;

/** What an earlier `quire validate --json` found. */
export type Baseline = z.infer<typeof schema>;

export interface Regression {
  readonly study: string;
  readonly what: string;
  readonly source: string;
  /** What became of the case. */
  readonly became: 'worse' | 'beyond' | 'vanished';
  /** Errors as in `JudgedCase`; the one before is absent for a new case, the one after for one that vanished. */
  readonly before?: number | null;
  readonly after?: number | null;
  readonly points: boolean;
}

/** Growth of an error that is no change for the worse, in per cent or points. */
const SLACK = 0.1;

/** @throws UsageError naming `file` when the value is not of `quire validate --json`. */
export function parseBaseline(value: unknown, file: string): Baseline {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path } = parsed.error.issues[0]!;
  const where = path.length > 0 ? `${path.join('.')} is missing or of another kind` : 'it is no JSON object';
  throw new UsageError(
    `${file}: is no baseline (${where}); expected what quire validate --json or --write wrote`,
  );
}

/**
 * Cases that got worse than in the baseline: a larger error, a bound newly crossed, or gone. New cases are none
 * while they keep their bound. Cases are matched by study, what and source; those that share all three, by order.
 * @param notRun names of the studies that were not run, of which nothing can be said.
 */
export function regressions(
  outcomes: readonly Outcome[],
  baseline: Baseline,
  notRun: readonly string[] = [],
): Regression[] {
  const before = new Map(baseline.studies.map(study => [study.name, byName(study.cases)]));
  const after = new Map(judge(outcomes).map(study => [study.name, byName<BaselineCase>(study.cases)]));
  const studies = new Set([...before.keys(), ...after.keys()]);
  return [...studies]
    .filter(study => !notRun.includes(study))
    .flatMap(study => {
      const [old = new Map(), now = new Map()] = [before.get(study), after.get(study)];
      return [...new Set([...old.keys(), ...now.keys()])].flatMap(key =>
        regression(study, old.get(key), now.get(key)),
      );
    });
}

function regression(study: string, before?: BaselineCase, after?: BaselineCase): Regression[] {
  const { what, source, points = false } = (after ?? before)!;
  const said = {
    study,
    what,
    source,
    points,
    ...(before && { before: before.error }),
    ...(after && { after: after.error }),
  };
  if (!after) return [{ ...said, became: 'vanished' }];
  if (before && size(after) > size(before) + SLACK) return [{ ...said, became: 'worse' }];
  return after.crossed && !before?.crossed ? [{ ...said, became: 'beyond' }] : [];
}

function byName<C extends { what: string; source: string }>(cases: readonly C[]): Map<string, C> {
  const named = new Map<string, C>();
  for (const of of cases) {
    let nth = 0;
    while (named.has(`${of.what}\n${of.source}\n${nth}`)) nth++;
    named.set(`${of.what}\n${of.source}\n${nth}`, of);
  }
  return named;
}

/** In per cent or points; an error that is no number exceeds all others. */
function size({ error, points }: { error: number | null; points?: boolean | undefined }): number {
  if (error === null) return Number.POSITIVE_INFINITY;
  return Math.abs(error) * (points ? 1 : 100);
}
