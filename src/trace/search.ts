/** Index of the last of ascending items whose key is not after `value`; −1 when all are. */
export function lastNotAfter<T>(items: ArrayLike<T>, value: number, key: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(items[middle]!) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Entries by what they belong to: those of `i` are `order[start[i] … start[i + 1] − 1]`, ascending. */
export interface Grouped {
  readonly start: Int32Array;
  readonly order: Int32Array;
}

/** Groups entries by a column; those below 0 belong to nothing. */
export function groupBy(column: Int32Array, groups: number): Grouped {
  const start = new Int32Array(groups + 1);
  for (const group of column) if (group >= 0) start[group + 1]!++;
  for (let group = 0; group < groups; group++) start[group + 1]! += start[group]!;
  const next = start.slice();
  const order = new Int32Array(start[groups]!);
  for (let i = 0; i < column.length; i++) if (column[i]! >= 0) order[next[column[i]!]!++] = i;
  return { start, order };
}

export function groupOf({ start, order }: Grouped, group: number): Int32Array {
  return order.subarray(start[group], start[group + 1]);
}
