import type { StepCost } from './terms.ts';

/** Multiplies every time of a price; arithmetic and bytes stay what they are. `seconds` is the caller's. */
export function scaleCost(cost: StepCost, factor: number): void {
  for (let i = 0; i < cost.terms.length; i++) cost.terms[i]! *= factor;
  for (let i = 0; i < cost.tabled.length; i++) cost.tabled[i]! *= factor;
  cost.compute *= factor;
  cost.bandwidth *= factor;
  cost.overhead *= factor;
}
