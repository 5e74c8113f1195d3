import { UsageError } from '../core/errors.ts';

/** An option that must be a number from `min` to `max`; says its name and what it is when it is not. */
export function checkNumber(name: string, value: number, min = 0, max = Number.MAX_VALUE): void {
  if (!(value >= min && value <= max)) {
    throw new UsageError(`${name} must be a number ${rangeText(min, max, value)}, not ${value}`);
  }
}

/** An option that must be a number above 0, such as a rate. */
export function checkPositive(name: string, value: number): void {
  if (!(value > 0 && value <= Number.MAX_VALUE)) {
    throw new UsageError(`${name} must be a number above 0, not ${value}`);
  }
}

/** An option that must be a whole number from `min` to `max`. */
export function checkWhole(name: string, value: number, min: number, max = 2 ** 31 - 1): void {
  if (!(Number.isSafeInteger(value) && value >= min && value <= max)) {
    throw new UsageError(`${name} must be a whole number ${rangeText(min, max, value)}, not ${value}`);
  }
}

/** The upper end is named where it is a choice of the option, or what was overstepped. */
function rangeText(min: number, max: number, value: number): string {
  return max < 2 ** 31 - 1 || value > max ? `from ${min} to ${max}` : `of at least ${min}`;
}
