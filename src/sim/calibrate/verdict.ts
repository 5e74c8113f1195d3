import { UsageError } from '../../core/errors.ts';
import type { LatencyErrors } from '../cost/overhead-profile.ts';
import type { Calibration } from './calibrate.ts';

/** Means that are further away than this factor after a fit are of another deployment than the one simulated. */
const FAR = 2;
/** From here on a fit is doubtful, and says so. */
const DOUBTFUL = 0.2;
/** Growth of an error that is worth a word. */
const WORSE = 0.01;

const metrics = ['ttft', 'tpot', 'e2el'] as const;
const figures = ['mean', 'p50', 'p99'] as const;

/**
 * What a fit left wrong, and what it made worse: overheads are chosen for all latencies together, so one may gain at
 * the expense of another.
 */
export function fitNotes({ errors: { before, after } }: Pick<Calibration, 'errors'>): string[] {
  const notes: string[] = [];
  const doubtful = metrics.filter(metric => Math.abs(after[metric].mean) > DOUBTFUL);
  if (doubtful.length > 0) {
    notes.push(
      `WARNING: after the fit the mean of ${shown(doubtful, after)} is still wrong: the overheads stand for something ` +
        `else than overheads; ${ADVICE}`,
    );
  }
  const worse = metrics.flatMap(metric =>
    figures
      .filter(figure => Math.abs(after[metric][figure]) > Math.abs(before[metric][figure]) + WORSE)
      .map(figure => {
        const [was, is] = [before, after].map(errors => percent(errors[metric][figure]));
        return `${metric.toUpperCase()} ${figure} (${was} to ${is})`;
      }),
  );
  if (worse.length > 0) notes.push(`worse after the fit, for the sake of the others: ${worse.join(', ')}`);
  return notes;
}

/** @throws UsageError when the simulation is nothing like the run, whatever its overheads. */
export function checkFit({ errors: { after } }: Pick<Calibration, 'errors'>, file: string): void {
  const far = metrics.filter(metric => !(Math.abs(Math.log(1 + after[metric].mean)) <= Math.log(FAR)));
  if (far.length === 0) return;
  throw new UsageError(
    `${file}: no overheads make the simulation like this run: after the fit the mean of ${shown(far, after)} is wrong; ` +
      `${ADVICE}; no profile is written`,
  );
}

const ADVICE =
  'see that --policy, --model, --gpu, --tensor-parallel and the limits are those of the server that was measured ' +
  '(--max-num-seqs, --max-model-len, --num-gpu-blocks-override), and that the file says when requests came';

function shown(names: readonly (typeof metrics)[number][], errors: LatencyErrors): string {
  return names.map(name => `${name.toUpperCase()} (${percent(errors[name].mean)})`).join(', ');
}

function percent(error: number): string {
  return `${error > 0 ? '+' : ''}${(error * 100).toFixed(1)} %`;
}
