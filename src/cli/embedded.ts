import { firstSteps } from '../trace/first-steps.ts';
import type { Recording } from '../trace/recording.ts';
import { encodeRecordings } from '../trace/recording-file.ts';

export interface Embedded {
  readonly bytes: Uint8Array;
  /** What was left out, in words. */
  readonly remarks: readonly string[];
}

/** A page has two panes. */
const PANES = 2;

/**
 * Recordings as bytes, at most `limit`: whole runs, in their order, as many as fit. Where not even two do, the
 * first steps of them.
 */
export async function embedded(recordings: readonly Recording[], limit: number): Promise<Embedded> {
  const sizes = await Promise.all(recordings.map(async one => (await encodeRecordings([one])).length));
  let room = limit;
  const fitting = recordings.filter((_, i) => {
    if (sizes[i]! > room) return false;
    room -= sizes[i]!;
    return true;
  });
  const enough = fitting.length >= Math.min(PANES, recordings.length);
  const shown = enough ? fitting : recordings.slice(0, PANES);
  const cut = enough ? shown : await firstPart(shown, sizes, limit);
  const left = recordings.filter(recording => !shown.includes(recording)).map(({ policy }) => policy);
  const without = `Without views, for they would not fit: ${left.join(', ')}.`;
  return {
    bytes: await encodeRecordings(cut),
    remarks: [...(left.length > 0 ? [without] : []), ...cut.flatMap((part, i) => remark(part, shown[i]!))],
  };
}

/** The first steps of runs, such that they fit. */
async function firstPart(
  recordings: readonly Recording[],
  sizes: readonly number[],
  limit: number,
): Promise<readonly Recording[]> {
  let shares = sharesOf(sizes.slice(0, recordings.length), limit);
  for (;;) {
    const cut = recordings.map((recording, i) =>
      firstSteps(recording, Math.max(1, Math.floor(shares[i]! * recording.steps.count))),
    );
    const { length } = await encodeRecordings(cut);
    if (length <= limit || cut.every(({ steps }) => steps.count <= 1)) return cut;
    // Steps are not alike: the first may hold more than their part.
    const less = Math.min(0.95, limit / length);
    shares = shares.map(share => share * less);
  }
}

/** The part of each that fits, from 0 to 1: those below an equal part of the limit are kept whole. */
function sharesOf(sizes: readonly number[], limit: number): number[] {
  const shares = sizes.map(() => 1);
  let left = limit;
  let open = sizes.map((size, i) => ({ size, i })).sort((a, b) => a.size - b.size);
  while (open.length > 0) {
    const [smallest] = open;
    const part = left / open.length;
    if (smallest!.size > part) {
      for (const { size, i } of open) shares[i] = part / size;
      break;
    }
    left -= smallest!.size;
    open = open.slice(1);
  }
  return shares;
}

function remark(part: Recording, { policy, steps, requests }: Recording): string[] {
  if (part.steps.count === steps.count) return [];
  const until = part.steps.end[part.steps.count - 1]!;
  return [
    `Of ${policy} the views show the first ${until.toFixed(1)} s of ${steps.end[steps.count - 1]!.toFixed(1)} s ` +
      `(${part.requests.length} of ${requests.length} requests arrived by then), and sum up these: the whole run ` +
      'would not fit. The tables are of the whole run.',
  ];
}
