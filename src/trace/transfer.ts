import { type DecisionColumns, decisionColumns, decisionList } from './decision-columns.ts';
import type { Recording } from './recording.ts';
import { type RequestColumns, requestColumns, requestList } from './request-columns.ts';

/** A recording of which all that is long is columns, as it goes from thread to thread. */
export interface PackedRecording extends Omit<Recording, 'requests' | 'decisions'> {
  readonly requests: RequestColumns;
  readonly decisions: DecisionColumns;
}

export function pack(recording: Recording): PackedRecording {
  return {
    ...recording,
    requests: requestColumns(recording.requests),
    decisions: decisionColumns(recording.decisions),
  };
}

export function unpack(packed: PackedRecording): Recording {
  return { ...packed, requests: requestList(packed.requests), decisions: decisionList(packed.decisions) };
}

/** The memory behind all columns of plain data: handed over to another thread (`postMessage`), not copied. */
export function buffersOf(data: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  const visit = (value: unknown) => {
    if (ArrayBuffer.isView(value)) {
      if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
    } else if (typeof value === 'object' && value !== null) {
      for (const part of Object.values(value)) visit(part);
    }
  };
  visit(data);
  return [...found];
}
