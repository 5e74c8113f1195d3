/** Compression that browsers and Node have alike. */
export const gzip = (bytes: Uint8Array<ArrayBuffer>) => through(bytes, new CompressionStream('gzip'));

/** @throws TypeError when it is not gzip, is cut off, or its checksum differs. */
export const gunzip = (bytes: Uint8Array) => through(new Uint8Array(bytes), new DecompressionStream('gzip'));

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const piped = new Blob([bytes]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}
