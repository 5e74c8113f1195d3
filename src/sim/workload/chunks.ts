/** Groups what is generated one by one; the last group may be shorter, none is empty. */
export function* inChunks<T>(items: Iterable<T>, size = 512): Generator<readonly T[], void, undefined> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length === size) {
      yield chunk;
      chunk = [];
    }
  }
  if (chunk.length > 0) yield chunk;
}
