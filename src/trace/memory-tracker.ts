import type { EngineEvent } from '../core/events.ts';
import type { Request } from '../core/request.ts';

/** Tells a `BlockLog` at each step what each block of one kind of memory is. */
export interface MemoryTracker {
  /** What happened in the memory between steps. */
  on(event: EngineEvent): void;
  /** The step is about to be written; `running` are all that hold memory. */
  step(running: readonly Request[], indexOf: (request: Request) => number): void;
}
