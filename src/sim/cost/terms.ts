/** The parts of a step's time. They sum to its duration. */
export const costTerms = [
  'embedding',
  'norm',
  'qkv',
  'rope',
  'prefill_attention',
  'decode_attention',
  'o_proj',
  'router',
  'mlp',
  'activation',
  'all_reduce',
  'lm_head',
  'sampler',
  'kv_copy',
  'swap',
  'launch',
  'cpu',
] as const;
export type CostTerm = (typeof costTerms)[number];

/** Index of a term in `StepCost.terms`. */
export const term = Object.fromEntries(costTerms.map((name, i) => [name, i])) as Record<CostTerm, number>;

/** Where a time comes from: a table's row, between its rows, beyond them, or a roofline and the engine's overheads. */
export const tiers = ['measured', 'interpolated', 'extrapolated', 'analytic'] as const;

/** The price of one step. */
export interface StepCost {
  /** Duration of the step. */
  seconds: number;
  /** Seconds of each term, in the order of `costTerms`. */
  readonly terms: Float64Array;
  /** Seconds by `tiers` without the last, which is the rest. */
  readonly tabled: Float64Array;
  /** Seconds in which arithmetic was the limit, memory bandwidth was, and neither (launches, CPU, links, floors). */
  compute: number;
  bandwidth: number;
  overhead: number;
  /** Arithmetic and memory traffic on one GPU, that on pads and held rows included. */
  flops: number;
  bytes: number;
}

export function emptyCost(): StepCost {
  return {
    seconds: 0,
    terms: new Float64Array(costTerms.length),
    tabled: new Float64Array(tiers.length - 1),
    compute: 0,
    bandwidth: 0,
    overhead: 0,
    flops: 0,
    bytes: 0,
  };
}

/** Adds `cost` to `total`, term by term. */
export function addCost(total: StepCost, cost: StepCost): void {
  for (let i = 0; i < cost.terms.length; i++) total.terms[i]! += cost.terms[i]!;
  for (let i = 0; i < cost.tabled.length; i++) total.tabled[i]! += cost.tabled[i]!;
  total.seconds += cost.seconds;
  total.compute += cost.compute;
  total.bandwidth += cost.bandwidth;
  total.overhead += cost.overhead;
  total.flops += cost.flops;
  total.bytes += cost.bytes;
}
