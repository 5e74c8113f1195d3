import { invariant } from '../core/invariant.ts';
import type { Seconds } from '../core/units.ts';
import type { Engine } from '../engine/engine.ts';
import type { Arrival, Workload } from '../sim/workload/workload.ts';
import { Recorder } from '../trace/recorder.ts';
import type { Recording } from '../trace/recording.ts';
import { LivePrompts } from './live-prompts.ts';
import { serveWorkload } from './serve-workload.ts';

/** A workload that an engine has served. */
export interface LiveServed {
  /** Requests arrive when their clients sent them, which a busy process may have heard later. */
  readonly recording: Recording;
  /** What was sent, at times on the engine's clock, in this order. */
  readonly arrivals: readonly Arrival[];
  readonly truncated: number;
}

export interface LiveServing {
  readonly name: string;
  readonly seed: number;
  readonly config: Readonly<Record<string, unknown>>;
  report(ended: number): void;
}

/** Serves a workload on its real clock and records it. @throws UsageError for what can never be served. */
export async function serveRecorded(
  engine: Engine,
  workload: Workload,
  { name, seed, config, report }: LiveServing,
): Promise<LiveServed> {
  const { scheduler } = engine;
  const recorder = new Recorder();
  recorder.attach({ memory: scheduler.memory, scheduler });
  const unwatch = engine.watch(recorder);
  const prompts = new NotedPrompts(engine.runner.config.vocab, seed, workload.name === 'chat');
  let start: Seconds = 0;
  const { onFinished } = workload;
  const timed: Workload = {
    name: workload.name,
    async *chunks() {
      yield* workload.chunks();
      // The clients set out when they have heard of all.
      start = engine.clock();
    },
    ...(onFinished && { onFinished: done => onFinished.call(workload, done) }),
  };
  try {
    const { truncated } = await serveWorkload(engine, timed, prompts, report);
    const recording = recorder.finish(name, config);
    const { sent } = prompts;
    invariant(recording.requests.length === sent.length, () => 'a request was sent and not heard');
    const arrivals = sent.map(one => ({ ...one, arrival: start + one.arrival }));
    // Counted as in the simulation of the same: whatever this engine has served before.
    const requests = recording.requests.map((request, id) => ({
      ...request,
      id,
      arrival: arrivals[id]!.arrival,
    }));
    return { recording: { ...recording, requests }, arrivals, truncated };
  } finally {
    unwatch();
  }
}

/** Notes whose prompts were asked for: who was sent, in the order in which the engine heard of them. */
class NotedPrompts extends LivePrompts {
  readonly sent: Arrival[] = [];

  override idsOf(arrival: Arrival): number[] {
    this.sent.push(arrival);
    return super.idsOf(arrival);
  }
}
