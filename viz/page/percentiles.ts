export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Nearest rank; NaN of nothing. @param values are put in another order. */
export function percentiles(values: Float64Array): Percentiles {
  const { length } = values;
  if (length === 0) return { p50: Number.NaN, p90: Number.NaN, p99: Number.NaN };
  let from = 0;
  const at = (q: number) => {
    const rank = Math.max(0, Math.ceil(q * length) - 1);
    // What lies before the last rank is lower: it is not looked at again.
    select(values, rank, from);
    from = rank;
    return values[rank]!;
  };
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

/** Hoare's selection: from `low` on, moves what belongs at `rank` there, lower values before it, higher ones behind. */
function select(values: Float64Array, rank: number, low: number): void {
  let [left, right] = [low, values.length - 1];
  while (left < right) {
    const pivot = values[(left + right) >> 1]!;
    let [i, j] = [left, right];
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const value = values[i]!;
      values[i++] = values[j]!;
      values[j--] = value;
    }
    if (rank <= j) right = j;
    else if (rank >= i) left = i;
    else return;
  }
}
