import { blockHistory } from '../../src/trace/block-history.ts';
import { decisionIndex } from '../../src/trace/decision-index.ts';
import type { Derived } from '../../src/trace/derived.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { tableIndex } from '../../src/trace/table-index.ts';
import { type PackedRecording, pack, unpack } from '../../src/trace/transfer.ts';
import { barColumns } from '../views/bar-columns.ts';
import { barEdges } from '../views/bar-counts.ts';
import { arrivalOrder } from '../views/lanes.ts';
import { peaks } from '../views/peaks.ts';
import { allCopies } from '../views/sharing-copies.ts';
import { latencyColumns } from './latencies.ts';
import { runSummary } from './summary.ts';

/** All that walks over a whole recording: what comes later is worked out of what comes before it. */
const derived: readonly Derived<unknown>[] = [
  blockHistory,
  tableIndex,
  decisionIndex,
  barColumns,
  barEdges,
  arrivalOrder,
  peaks,
  allCopies,
  latencyColumns,
  runSummary,
];

/** A recording on its way to the page, with what views would else work out of it while the page stands still. */
export interface Prepared {
  readonly recording: PackedRecording;
  readonly groundwork: Readonly<Record<string, unknown>>;
}

/** @param progress told which share is done. */
export function prepare(recording: Recording, progress: (share: number) => void): Prepared {
  const groundwork: Record<string, unknown> = {};
  for (const [i, one] of derived.entries()) {
    groundwork[one.name] = one.of(recording);
    progress((i + 1) / derived.length);
  }
  return { recording: pack(recording), groundwork };
}

/** What was prepared is known of the recording from now on. */
export function receive({ recording: packed, groundwork }: Prepared): Recording {
  const recording = unpack(packed);
  for (const one of derived) one.adopt(recording, groundwork[one.name]);
  return recording;
}
