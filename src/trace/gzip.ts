/** Compression that browsers and Node have alike. */
export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const piped = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

/** More than this, deflate never makes of a byte. */
const MOST = 1032;

/** The size of what is packed, modulo 2³², as its last bytes say; undefined where that cannot be. */
export async function sizeOf(packed: Blob): Promise<number | undefined> {
  if (packed.size < 18) return undefined;
  const size = new DataView(await packed.slice(-4).arrayBuffer()).getUint32(0, true);
  return size <= packed.size * MOST ? size : undefined;
}

/**
 * @param size of what comes of it: it is written to one place, and never lies in memory twice.
 * @param progress told which share of it is there.
 * @throws TypeError when it is not gzip, is cut off, or its checksum differs; RangeError when there is no memory.
 */
export async function gunzip(
  packed: Blob,
  size: number,
  progress: (share: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  const reader = packed.stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  let at = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const { value } = next;
    if (at + value.length > size) {
      await reader.cancel();
      throw new TypeError('more than its last bytes say');
    }
    bytes.set(value, at);
    at += value.length;
    progress(at / size);
  }
  return bytes.subarray(0, at);
}
