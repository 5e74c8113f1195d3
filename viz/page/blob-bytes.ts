/** The bytes of a file, unpacked if it is gzip; it is never in memory as a whole. */
export async function* bytesOf(blob: Blob): AsyncGenerator<Uint8Array, void, undefined> {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const isPacked = first === 0x1f && second === 0x8b;
  const stream = blob.stream();
  yield* chunksOf(isPacked ? stream.pipeThrough(new DecompressionStream('gzip')) : stream);
}

/** Not every browser iterates over a stream. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel();
  }
}
