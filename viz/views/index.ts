import type { View } from '../picture.ts';
import { memoryMap } from './memory-map.ts';
import { memoryOverTime } from './memory-over-time.ts';
import { queue } from './queue.ts';
import { sharing } from './sharing.ts';
import { stepTime } from './step-time.ts';
import { timeline } from './timeline.ts';

/** All views, as they stand on the page. */
export const views: readonly View[] = [memoryMap, timeline, memoryOverTime, queue, stepTime, sharing];
