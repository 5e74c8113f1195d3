import { idleGpu } from './idle-gpu.ts';
import { iteration } from './iteration.ts';
import { paging } from './paging.ts';
import { preallocation } from './preallocation.ts';
import { sharing } from './sharing.ts';
import { staticBatches } from './static-batches.ts';
import type { Stop, Tour } from './stop.ts';

/** The problems, then the answers to them. */
export const tours: readonly Tour[] = [preallocation, staticBatches, idleGpu, paging, iteration, sharing];

/** Where somebody is: a tour by name, a stop from 0 on. */
export interface Place {
  readonly tour: string;
  readonly stop: number;
}

export const findTour = (name: string): Tour | undefined => tours.find(tour => tour.name === name);

/** @param place one that is there: `stateOf` checks what comes from outside. */
export const stopAt = ({ tour, stop }: Place): Stop => findTour(tour)!.stops[stop]!;
