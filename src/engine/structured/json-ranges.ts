import { bytesIn } from './byte-set.ts';
import type { Expr } from './expr.ts';
import type { JsonValues } from './json-values.ts';

/** 15 digits: beyond them doubles leave integers out. */
const MOST = 999_999_999_999_999;
const ZERO = 0x30;

/** Inclusive unless said otherwise; absent: open. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly aboveMin: boolean;
  readonly belowMax: boolean;
}

/** Whole numbers within bounds, as JSON writes them; `never` where there are none. */
export function integersWithin(json: JsonValues, { min, max, aboveMin, belowMax }: Bounds): Expr {
  const first = aboveMin ? Math.floor(min) + 1 : Math.ceil(min);
  const last = belowMax ? Math.ceil(max) - 1 : Math.floor(max);
  return between(json, first, last, same => same);
}

/**
 * Numbers within bounds, without exponents. A fraction stands only behind whole numbers that it cannot take across a
 * bound, so a range between two whole numbers has at most these two (but above 0 it has fractions).
 */
export function numbersWithin(json: JsonValues, bounds: Bounds): Expr {
  const { exprs, digit } = json;
  const positive = fractionsFrom(json, bounds);
  const negative = fractionsFrom(json, {
    min: -bounds.max,
    max: -bounds.min,
    aboveMin: bounds.belowMax,
    belowMax: bounds.aboveMin,
  });
  const nonZero = exprs.seq(exprs.text('0.'), exprs.repeat(digit, 0, 16), exprs.bytes(bytesIn([0x31, 0x39])));
  return exprs.alt(
    integersWithin(json, bounds),
    positive,
    exprs.seq(exprs.text('-'), negative),
    bounds.min <= 0 && bounds.max >= 1 ? nonZero : exprs.never,
    bounds.max >= 0 && bounds.min <= -1 ? exprs.seq(exprs.text('-'), nonZero) : exprs.never,
  );
}

/** i.f with i ≥ min and i + 1 ≤ max. */
function fractionsFrom(json: JsonValues, { min, max, aboveMin }: Bounds): Expr {
  const first = Math.max(0, aboveMin ? Math.floor(min) + 1 : Math.ceil(min));
  return between(json, first, Math.min(MOST, Math.floor(max) - 1), whole =>
    json.exprs.seq(whole, json.fraction),
  );
}

function between(json: JsonValues, first: number, last: number, each: (whole: Expr) => Expr): Expr {
  const { exprs } = json;
  const positive = naturals(json, Math.max(0, first), Math.min(MOST, last));
  const negative = naturals(json, Math.max(1, -last), Math.min(MOST, -first));
  return exprs.alt(each(positive), exprs.seq(exprs.text('-'), each(negative)));
}

function naturals(json: JsonValues, first: number, last: number): Expr {
  const { exprs } = json;
  const ways: Expr[] = [];
  for (let from = first; from <= last; ) {
    const length = String(from).length;
    const to = Math.min(last, 10 ** length - 1);
    ways.push(sameLength(json, String(from), String(to)));
    from = to + 1;
  }
  return exprs.union(ways);
}

/** From one text of digits to another that is as long. */
function sameLength(json: JsonValues, low: string, high: string): Expr {
  const { exprs, digit } = json;
  const { length } = low;
  if (length === 0) return exprs.empty;
  const rest = length - 1;
  if (/^0*$/.test(low) && /^9*$/.test(high)) return exprs.repeat(digit, length, length);
  const [a, b] = [Number(low[0]), Number(high[0])];
  const from = digits(json, a, a);
  if (a === b) return exprs.seq(from, sameLength(json, low.slice(1), high.slice(1)));
  return exprs.alt(
    exprs.seq(from, sameLength(json, low.slice(1), '9'.repeat(rest))),
    exprs.seq(digits(json, a + 1, b - 1), exprs.repeat(digit, rest, rest)),
    exprs.seq(digits(json, b, b), sameLength(json, '0'.repeat(rest), high.slice(1))),
  );
}

function digits({ exprs }: JsonValues, first: number, last: number): Expr {
  return exprs.bytes(bytesIn([ZERO + first, ZERO + last]));
}
