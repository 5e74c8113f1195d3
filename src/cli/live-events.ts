import type { Listener } from '../core/events.ts';
import type { Engine } from '../engine/engine.ts';
import { Listeners } from '../engine/listeners.ts';
import { Recorder } from '../trace/recorder.ts';
import type { Recording } from '../trace/recording.ts';
import type { EventsOutput } from './events-output.ts';

/** What `--events` hears of one engine on a real model: it cannot run again, so its recording is made as it runs. */
export class LiveEvents {
  /** To be given to the engine; undefined where nothing is asked for, as detailed events take time. */
  readonly listener: Listener | undefined;
  readonly #recorder: Recorder | undefined;
  readonly #policy: string;

  /** @param events started. */
  constructor(events: EventsOutput, policy: string) {
    this.#policy = policy;
    const lines = events.listener(policy);
    this.#recorder = events.needsRecordings ? new Recorder() : undefined;
    const all = [...(lines ? [lines] : []), ...(this.#recorder ? [this.#recorder] : [])];
    this.listener = all.length > 0 ? new Listeners(all) : undefined;
  }

  /** Before the engine's first step. */
  attach({ scheduler }: Engine): void {
    this.#recorder?.attach({ memory: scheduler.memory, scheduler });
  }

  /** @param config what the recording says of its run. */
  recordings(config: Readonly<Record<string, unknown>>): Recording[] {
    return this.#recorder ? [this.#recorder.finish(this.#policy, config)] : [];
  }
}
