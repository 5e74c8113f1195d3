import type { ByteReader, ByteWriter } from './byte-stream.ts';
import { DamagedError } from './byte-stream.ts';
import { readDeltas, readFloats, writeDeltas, writeFloats } from './column-codec.ts';
import { fieldsFrom, floatFields, type RequestColumns, requestEnds, wholeFields } from './request-columns.ts';

export function writeRequests(out: ByteWriter, requests: RequestColumns): void {
  out.unsigned(requests.count);
  for (const field of wholeFields) writeDeltas(out, requests[field]);
  for (const field of floatFields) writeFloats(out, requests[field]);
  out.bytes(requests.end);
}

export function readRequests(input: ByteReader): RequestColumns {
  const count = input.count();
  const wholes = new Set<string>(wholeFields);
  const fields = fieldsFrom(field => {
    const column = new Float64Array(count);
    return wholes.has(field) ? readDeltas(input, column) : readFloats(input, column);
  });
  const end = input.bytes(count).slice();
  if (end.some(how => requestEnds[how] === undefined))
    throw new DamagedError('a request ends in an unknown way');
  return { ...fields, count, end };
}
