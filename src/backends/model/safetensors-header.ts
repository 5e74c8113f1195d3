import { quoted, UsageError } from '../../core/errors.ts';

/** Where a tensor lies in its file. */
export interface TensorInfo {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte in the file, and the first after it. */
  readonly begin: number;
  readonly end: number;
}

/** Bits of an element of every type that the format knows. */
const bits: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
};

/** As the safetensors library limits it. */
const LONGEST_HEADER = 100_000_000;

/**
 * Length of the JSON header, from the first 8 bytes of a file.
 * @throws UsageError when the file is no safetensors file, or ends within the header.
 */
export function headerLength(start: Uint8Array, fileSize: number, file: string): number {
  if (start.length < 8) {
    throw new UsageError(
      `${file}: no safetensors file, or cut off: it has ${fileSize} bytes; fetch it again`,
    );
  }
  const length = Number(new DataView(start.buffer, start.byteOffset).getBigUint64(0, true));
  if (length > LONGEST_HEADER || length < 2) {
    const text = new TextDecoder('latin1').decode(start.subarray(0, 8));
    const pointer = text === 'version ';
    throw new UsageError(
      pointer
        ? `${file}: is the pointer of Git LFS, not the file itself; run git lfs pull in its folder`
        : `${file}: no safetensors file: it begins with ${quoted(text)}, which would be a header of ${length} bytes`,
    );
  }
  if (8 + length > fileSize) {
    throw new UsageError(
      `${file}: cut off within its header: it has ${fileSize} of at least ${8 + length} bytes; fetch it again`,
    );
  }
  return length;
}

/**
 * The tensors of a file by name, every claim of the header checked: types, sizes, and that the tensors lie
 * without gap or overlap up to the very end of the file.
 * @param json The header as it is in the file, without its length.
 * @throws UsageError that names the file, the tensor and what is wrong.
 */
export function parseHeader(
  json: Uint8Array,
  fileSize: number,
  file: string,
): ReadonlyMap<string, TensorInfo> {
  const problem = (text: string) => new UsageError(`${file}: ${text}; fetch the file again`);
  let text: string;
  let parsed: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(json);
    parsed = JSON.parse(text);
  } catch {
    throw problem('no safetensors file, or damaged: its header is not JSON');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw problem(`its header must be an object, found ${quoted(parsed)}`);
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) throw problem(`two tensors are called ${quoted(twice)}`);

  const start = 8 + json.length;
  const tensors = new Map<string, TensorInfo>();
  for (const [name, value] of Object.entries(parsed)) {
    if (name === '__metadata__') continue;
    const info = tensorInfo(value, start);
    if (typeof info === 'string') throw problem(`the tensor ${quoted(name)} ${info}`);
    tensors.set(name, info);
  }
  let end = start;
  for (const [name, info] of [...tensors].sort(byPlace)) {
    if (info.begin !== end) {
      const what = info.begin > end ? 'leaves a gap of' : 'overlaps the one before by';
      throw problem(`the tensor ${quoted(name)} ${what} ${Math.abs(info.begin - end)} bytes`);
    }
    end = info.end;
  }
  if (end > fileSize) throw problem(`cut off: it has ${fileSize} of ${end} bytes`);
  if (end < fileSize) throw problem(`has ${fileSize - end} bytes after its last tensor`);
  return tensors;
}

function byPlace([, a]: [string, TensorInfo], [, b]: [string, TensorInfo]): number {
  return a.begin - b.begin || a.end - b.end;
}

/** What is wrong with it, or the tensor. */
function tensorInfo(value: unknown, start: number): TensorInfo | string {
  if (typeof value !== 'object' || value === null) return `is ${quoted(value)}, but must be an object`;
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== 'string' || !Object.hasOwn(bits, dtype)) {
    return `is of the unknown type ${quoted(dtype)}`;
  }
  if (!isCounts(shape)) return `has the shape ${quoted(shape)}, but must have a list of sizes`;
  if (!isCounts(offsets) || offsets.length !== 2) {
    return `has data_offsets ${quoted(offsets)}, but must have two`;
  }
  const size = (shape.reduce((product, n) => product * n, 1) * bits[dtype]!) / 8;
  const [from, to] = offsets as [number, number];
  if (to - from !== size) {
    return `takes ${to - from} bytes, but ${dtype} [${shape.join(', ')}] takes ${size}`;
  }
  return { dtype, shape, begin: start + from, end: start + to };
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(n => Number.isSafeInteger(n) && n >= 0);
}

/** A key that valid JSON has twice at its top level, which JSON.parse passes over in silence. */
function duplicateKey(json: string): string | undefined {
  const keys = new Set<string>();
  let depth = 0;
  for (const [token] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
