import type { ByteReader, ByteWriter } from './byte-stream.ts';
import { DamagedError } from './byte-stream.ts';
import { readDeltas, readFloats, writeDeltas, writeFloats } from './column-codec.ts';
import type { RecordedRequest } from './recording.ts';

const wholes = [
  'id',
  'promptTokens',
  'maxTokens',
  'width',
  'outputTokens',
  'cachedTokens',
  'preemptions',
] as const;
const floats = ['arrival', 'priority', 'admitted', 'firstToken', 'finished'] as const;
const ends = ['finished', 'aborted', 'rejected', 'running'] as const;

export function writeRequests(out: ByteWriter, requests: readonly RecordedRequest[]): void {
  out.unsigned(requests.length);
  for (const field of wholes)
    writeDeltas(
      out,
      requests.map(request => request[field]),
    );
  for (const field of floats)
    writeFloats(
      out,
      Float64Array.from(requests, request => request[field]),
    );
  for (const { end } of requests) out.byte(ends.indexOf(end));
}

export function readRequests(input: ByteReader): RecordedRequest[] {
  const count = input.count();
  const columns: Record<string, ArrayLike<number>> = {};
  for (const field of wholes) columns[field] = readDeltas(input, new Float64Array(count));
  for (const field of floats) columns[field] = readFloats(input, new Float64Array(count));
  return Array.from({ length: count }, (_, i) => {
    const numbers = Object.fromEntries(
      Object.entries(columns).map(([field, column]) => [field, column[i]!]),
    ) as Omit<RecordedRequest, 'end'>;
    const end = ends[input.byte()];
    if (end === undefined) throw new DamagedError('a request ends in an unknown way');
    return { ...numbers, end };
  });
}
