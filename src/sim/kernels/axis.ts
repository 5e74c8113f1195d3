/** Index of the last of `axis[0 … length − 1]` (ascending) that is not above x; −1 below them all. */
export function lastNotAbove(axis: ArrayLike<number>, x: number, length = axis.length): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (axis[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Sorts points by x, and takes the mean where one was measured more than once. */
export function meanByFirst(points: readonly (readonly [x: number, y: number])[]): [x: number, y: number][] {
  const sorted = points.toSorted((a, b) => a[0] - b[0]);
  const merged: [x: number, y: number][] = [];
  for (let i = 0; i < sorted.length; ) {
    const x = sorted[i]![0];
    let end = i;
    let sum = 0;
    while (end < sorted.length && sorted[end]![0] === x) sum += sorted[end++]![1];
    merged.push([x, sum / (end - i)]);
    i = end;
  }
  return merged;
}
