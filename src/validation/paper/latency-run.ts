import type { EngineEvent, Listener } from '../../core/events.ts';
import { invariant } from '../../core/invariant.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import { setUpEngine } from '../../sim/engine-setup.ts';
import { findGpu } from '../../sim/hardware/catalogue.ts';
import { Simulation } from '../../sim/simulation.ts';
import type { Arrival } from '../../sim/workload/workload.ts';
import { findKnee, type Knee } from './knee.ts';
import type { Trace } from './latency-workloads.ts';
import { modelOf } from './setup.ts';
import type { System } from './systems.ts';

/** A server of the paper, as in `servers`. */
export interface Server {
  readonly model: string;
  readonly gpu: string;
  readonly tensor_parallel: number;
  readonly kv_slots: Tokens;
}

/** Requests that arrive before count for nothing (`warmup` of the artifact's plot scripts). */
const WARM_UP: Seconds = 60;

/** Mean latency ÷ output length of a run, seconds a token (§6.1). */
class NormalizedLatency implements Listener {
  readonly detail = false;
  #sum = 0;
  #count = 0;

  on(event: EngineEvent): void {
    if (event.type !== 'finished' || event.request.arrival < WARM_UP) return;
    const { arrival, done } = event.request;
    // All samples of a request are equally long.
    this.#sum += (event.time - arrival) / done[0]!.outputTokens;
    this.#count++;
  }

  /** NaN where no request came after the warm-up. */
  get mean(): Seconds {
    return this.#sum / this.#count;
  }
}

/** Serves all arrivals; every request asks for exactly the length of its answer (`max_num_steps` of `trace.py`). */
export function normalizedLatency(system: System, server: Server, arrivals: readonly Arrival[]): Seconds {
  const gpu = findGpu(server.gpu);
  invariant(gpu, () => `no GPU is called ${server.gpu}`);
  const { policy, limits, memory, cost } = engineOf(system, server, gpu);
  const listener = new NormalizedLatency();
  const simulation = new Simulation({
    policy,
    limits,
    memory,
    cost,
    seed: 0,
    maxTokens: ({ outputTokens }) => outputTokens[0]!,
    workload: {},
    listener,
  });
  simulation.offer(arrivals);
  simulation.close();
  simulation.run(Number.POSITIVE_INFINITY);
  return listener.mean;
}

function engineOf(system: System, server: Server, gpu: NonNullable<ReturnType<typeof findGpu>>) {
  const { policy, limits, cost, createMemory } = setUpEngine({
    policy: system.policy,
    model: modelOf(server.model),
    gpu,
    tensorParallel: server.tensor_parallel,
    weights: 'fp16',
    kv: 'fp16',
    gpuMemoryUtilization: 1,
    kvSlots: system.kvSlots ?? server.kv_slots,
    limits: system.limits,
  });
  return { policy, limits, cost: system.cost ? system.cost(cost) : cost, memory: createMemory() };
}

/** Looks for the knee of a system on traces of this length (`findKnee`). */
export function kneeOf(
  system: System,
  server: Server,
  trace: Trace,
  { duration, limit, start }: { duration: Seconds; limit: Seconds; start: number },
): Knee {
  return findKnee(rate => normalizedLatency(system, server, trace(rate, duration)), start, limit);
}
