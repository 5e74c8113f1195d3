/** Index of the largest value, of equals the lowest; −1 where none is above −∞ (all banned, or not numbers). */
export function argmax(values: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  let at = -1;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > best) {
      best = values[i]!;
      at = i;
    }
  }
  return at;
}
