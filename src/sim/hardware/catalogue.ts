import { ada } from './ada.ts';
import { ampere } from './ampere.ts';
import { blackwell } from './blackwell.ts';
import { cdna } from './cdna.ts';
import type { Gpu } from './gpu.ts';
import { hopper } from './hopper.ts';
import { turing } from './turing.ts';

/** The GPUs Quire knows by name. */
export const gpus: readonly Gpu[] = [...ampere, ...hopper, ...blackwell, ...ada, ...turing, ...cdna];

export function findGpu(name: string): Gpu | undefined {
  return gpus.find(gpu => gpu.name === name.toLowerCase());
}
