import { decisionColumns } from './decision-columns.ts';
import { Derived } from './derived.ts';
import type { Recording } from './recording.ts';
import { groupBy, groupOf } from './search.ts';

/** Decisions by the request that they are about. */
export const decisionIndex = new Derived('decisions', ({ decisions, requests }) =>
  groupBy(decisionColumns(decisions).request, requests.length),
);

/** The decisions about a request by their number, ascending. */
export const decisionsAbout = (recording: Recording, request: number): Int32Array =>
  groupOf(decisionIndex.of(recording), request);
