/** The bytes of a file, unpacked if it is gzip; it is never in memory as a whole. */
export async function* bytesOf(blob: Blob): AsyncGenerator<Uint8Array, void, undefined> {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const isPacked = first === 0x1f && second === 0x8b;
  const stream = blob.stream();
  yield* chunksOf(isPacked ? stream.pipeThrough(new DecompressionStream('gzip')) : stream);
}

/** A file as a whole, and on the way how much of it is there. */
export async function wholeOf(
  blob: Blob,
  progress: (share: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(blob.size);
  let at = 0;
  for await (const chunk of chunksOf(blob.stream())) {
    whole.set(chunk, at);
    at += chunk.length;
    progress(at / blob.size);
  }
  return whole;
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
