import { UsageError } from '../core/errors.ts';
import { ByteReader, ByteWriter, DamagedError } from './byte-stream.ts';
import { gunzip, gzip, sizeOf } from './gzip.ts';
import { RECORDING_VERSION, type Recording } from './recording.ts';
import { type Heading, headingOf, readRecording, writeRecording } from './recording-codec.ts';
import { withinMemory } from './recording-memory.ts';

/** What a file of recordings begins with, then its version and the length of what follows, little-endian. */
const MAGIC = 'QUIREREC';
const LENGTH_AT = MAGIC.length + 4;
const BODY_AT = LENGTH_AT + 4;

const EXPECTED = 'expected a recording of Quire, as `quire compare … --events run.quire` writes it';

/** Recordings as a file: a few bytes in clear, then headings in JSON and columns of small differences, gzipped. */
export async function encodeRecordings(recordings: readonly Recording[]): Promise<Uint8Array> {
  const headings = recordings.map(headingOf);
  const json = new TextEncoder().encode(JSON.stringify({ recordings: headings }));
  const out = new ByteWriter();
  out.unsigned(json.length);
  out.bytes(json);
  for (const recording of recordings) writeRecording(out, recording);
  const body = await gzip(out.take());
  const file = new Uint8Array(BODY_AT + body.length);
  file.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(file.buffer);
  view.setUint32(MAGIC.length, RECORDING_VERSION, true);
  view.setUint32(LENGTH_AT, body.length, true);
  file.set(body, BODY_AT);
  return file;
}

/** What is done to a file that is read, and which share of that is done. */
export type Reading = (doing: 'unpacking' | 'decoding', share: number) => void;

/**
 * @param file read as it is unpacked, so that it is never in memory as a whole.
 * @throws UsageError that names the file, what is wrong with it and what was expected.
 */
export async function decodeRecordings(
  file: Blob | Uint8Array,
  name: string,
  reading: Reading = () => undefined,
): Promise<Recording[]> {
  const blob = file instanceof Blob ? file : new Blob([file as Uint8Array<ArrayBuffer>]);
  const body = await bodyOf(blob, name);
  const recordings = await withinMemory(body, name, () => read(body, name, reading));
  if (recordings.length === 0) throw new UsageError(`${name}: holds no runs; ${EXPECTED}`);
  const empty = recordings.find(({ requests }) => requests.length === 0);
  if (empty) {
    throw new UsageError(
      `${name}: its run of ${empty.policy} has no requests, so there is nothing to show; record one with at least one`,
    );
  }
  return recordings;
}

async function bodyOf(file: Blob, name: string): Promise<Blob> {
  const head = new Uint8Array(await file.slice(0, BODY_AT).arrayBuffer());
  if (head.length === 0) throw new UsageError(`${name}: is empty; ${EXPECTED}`);
  const magic = new TextDecoder('latin1').decode(head.subarray(0, MAGIC.length));
  if (magic !== MAGIC.slice(0, magic.length)) {
    const json = /^\s*[{[]/.test(magic) ? ' (it looks like JSON)' : '';
    throw new UsageError(`${name}: does not begin with ${MAGIC}${json}; ${EXPECTED}`);
  }
  const cut = (expected: string) =>
    new UsageError(
      `${name}: is cut off after ${file.size} bytes, expected ${expected}; copy or record it again`,
    );
  if (head.length < BODY_AT) throw cut(`at least ${BODY_AT}`);
  const view = new DataView(head.buffer);
  const version = view.getUint32(MAGIC.length, true);
  if (version !== RECORDING_VERSION) {
    const what = `is a recording of format ${version}, this Quire reads format ${RECORDING_VERSION}`;
    const todo = version > RECORDING_VERSION ? 'open it with a newer Quire' : 'record the run again';
    throw new UsageError(`${name}: ${what}; ${todo}`);
  }
  const end = BODY_AT + view.getUint32(LENGTH_AT, true);
  if (file.size < end) throw cut(String(end));
  return file.slice(BODY_AT, end);
}

async function read(body: Blob, name: string, reading: Reading): Promise<Recording[]> {
  const damaged = (why: string) =>
    new UsageError(`${name}: is damaged: ${why}; copy it from its source or record it again`);
  const size = await sizeOf(body);
  if (size === undefined) throw damaged('its content does not unpack');
  try {
    const plain = await unpacked(body, size, reading);
    if (!plain) throw damaged('its content does not unpack');
    const input = new ByteReader(plain);
    const { recordings } = parseHeadings(new TextDecoder().decode(input.bytes(input.count())));
    return recordings.map(heading => readRecording(input, heading, share => reading('decoding', share)));
  } catch (error) {
    if (error instanceof DamagedError) throw damaged(error.message);
    throw error;
  }
}

/** Undefined: it is no gzip, or not all of it. */
async function unpacked(body: Blob, size: number, reading: Reading): Promise<Uint8Array | undefined> {
  try {
    return await gunzip(body, size, share => reading('unpacking', share));
  } catch (error) {
    if (error instanceof RangeError) throw error;
    return undefined;
  }
}

function parseHeadings(text: string): { recordings: readonly Heading[] } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DamagedError('its heading is not JSON');
  }
  const { recordings } = (value ?? {}) as { recordings?: unknown };
  if (!Array.isArray(recordings) || !recordings.every(isHeading))
    throw new DamagedError('its heading is not one of recordings');
  return { recordings };
}

function isHeading(value: unknown): value is Heading {
  const { policy, config, memory, reasons } = (value ?? {}) as Partial<Heading>;
  return (
    typeof policy === 'string' &&
    typeof config === 'object' &&
    Array.isArray(reasons) &&
    Number.isSafeInteger(memory?.numBlocks) &&
    memory!.numBlocks >= 0 &&
    memory!.numBlocks <= memory!.capacity
  );
}
