import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  openTrace,
  type TraceOptions,
  type TraceWorkload,
} from '../../../../src/sim/workload/trace/detect.ts';
import type { Arrival } from '../../../../src/sim/workload/workload.ts';

/** The bytes of a real trace in the data folder. Fails, rather than skips, when the folder is absent. */
export function realTrace(name: string): Uint8Array {
  const file = resolve(process.env['QUIRE_DATA'] ?? '../shared/data', 'traces', `${name}.gz`);
  if (!existsSync(file)) {
    throw new Error(`${file} is absent: set QUIRE_DATA to the folder that has traces/${name}.gz`);
  }
  return gunzipSync(readFileSync(file));
}

/** Streams text or bytes in pieces. */
export async function* pieces(content: string | Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

export function open(
  content: string | Uint8Array,
  fileName: string,
  options: Partial<TraceOptions> = {},
): Promise<TraceWorkload> {
  return openTrace(() => pieces(content), { fileName, content: false, ...options });
}

/** All arrivals of a trace. */
export async function read(
  content: string | Uint8Array,
  fileName: string,
  options: Partial<TraceOptions> = {},
): Promise<Arrival[]> {
  return all(await open(content, fileName, options));
}

export async function all(workload: TraceWorkload): Promise<Arrival[]> {
  const arrivals: Arrival[] = [];
  for await (const chunk of workload.chunks()) arrivals.push(...chunk);
  return arrivals;
}
