import { lazyList } from './lazy-list.ts';
import type { RecordedRequest } from './recording.ts';

export const requestEnds = ['finished', 'aborted', 'rejected', 'running'] as const;

/** The numbers of a request, in whole ones and others. */
export const wholeFields = [
  'id',
  'promptTokens',
  'maxTokens',
  'width',
  'outputTokens',
  'cachedTokens',
  'preemptions',
] as const;
export const floatFields = ['arrival', 'priority', 'admitted', 'firstToken', 'finished'] as const;

type Field = (typeof wholeFields)[number] | (typeof floatFields)[number];

/** The requests of a recording, a column a field: one entry a request. */
export interface RequestColumns extends Readonly<Record<Field, Float64Array>> {
  readonly count: number;
  /** Index into `requestEnds`. */
  readonly end: Uint8Array;
}

const behind = new WeakMap<readonly RecordedRequest[], RequestColumns>();

/** The columns behind a list of requests; of one that has none they are made, once. */
export function requestColumns(requests: readonly RecordedRequest[]): RequestColumns {
  let columns = behind.get(requests);
  if (!columns) behind.set(requests, (columns = gather(requests)));
  return columns;
}

function gather(requests: readonly RecordedRequest[]): RequestColumns {
  const column = (field: Field) => Float64Array.from(requests, request => request[field]);
  return {
    ...fieldsFrom(column),
    count: requests.length,
    end: Uint8Array.from(requests, ({ end }) => requestEnds.indexOf(end)),
  };
}

/** One value for each field. */
export function fieldsFrom(column: (field: Field) => Float64Array): Readonly<Record<Field, Float64Array>> {
  const fields = [...wholeFields, ...floatFields].map(field => [field, column(field)]);
  return Object.fromEntries(fields) as Record<Field, Float64Array>;
}

/** Requests that are read from their columns when they are looked at. */
export function requestList(columns: RequestColumns): readonly RecordedRequest[] {
  const list = lazyList(columns.count, i => requestAt(columns, i));
  behind.set(list, columns);
  return list;
}

function requestAt(columns: RequestColumns, i: number): RecordedRequest {
  return {
    id: columns.id[i]!,
    arrival: columns.arrival[i]!,
    promptTokens: columns.promptTokens[i]!,
    maxTokens: columns.maxTokens[i]!,
    width: columns.width[i]!,
    priority: columns.priority[i]!,
    outputTokens: columns.outputTokens[i]!,
    cachedTokens: columns.cachedTokens[i]!,
    admitted: columns.admitted[i]!,
    firstToken: columns.firstToken[i]!,
    finished: columns.finished[i]!,
    preemptions: columns.preemptions[i]!,
    end: requestEnds[columns.end[i]!]!,
  };
}
