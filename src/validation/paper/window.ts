import type { EngineEvent, Listener } from '../../core/events.ts';
import { invariant } from '../../core/invariant.ts';
import { type KvMemory, type MemoryUsage, slotKinds } from '../../core/kv-memory.ts';
import { createMemory } from '../../core/memory/create.ts';
import type { Policy } from '../../core/policies/policy.ts';
import type { StepPlan } from '../../core/step-plan.ts';
import { GiB, type Seconds } from '../../core/units.ts';
import { buildWorkload } from '../../sim/build-workload.ts';
import { completeConfig } from '../../sim/check-config.ts';
import type { Config } from '../../sim/config.ts';
import { CostModel } from '../../sim/cost/cost-model.ts';
import type { KvPrecision, WeightPrecision } from '../../sim/cost/precision.ts';
import { runtimes } from '../../sim/cost/runtimes.ts';
import { setUpEngine } from '../../sim/engine-setup.ts';
import { findGpu } from '../../sim/hardware/catalogue.ts';
import { Simulation } from '../../sim/simulation.ts';
import type { Arrival } from '../../sim/workload/workload.ts';
import { pagedRead } from './block-size.ts';
import { modelOf, prototypeCpu, servers, serving } from './setup.ts';

/** Host memory of a GPU for swapped requests (`--swap-space` of the artifact; vLLM's default is 4). */
const SWAP_SPACE = 20 * GiB;

/** Requests arrive for `duration`; iterations that begin from `from` on are counted, none after `to` is run. */
export interface Span {
  readonly duration: Seconds;
  readonly from: Seconds;
  /** `Infinity`: until every request is served. */
  readonly to: Seconds;
}

/** Means over the iterations of a run's window, which is how the paper's figures take them (not over time). */
export class Window implements Listener {
  readonly detail = false;
  readonly #from: Seconds;
  readonly #blockSize: number;
  readonly #capacity: number;
  /** Sum over the iterations of the slots of each kind. */
  readonly #slots: MemoryUsage = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
  iterations = 0;
  #requests = 0;
  #seconds = 0;
  #sharing = 0;
  #normalized = 0;
  completed = 0;
  preemptions = 0;

  constructor(from: Seconds, capacity: number, blockSize: number) {
    this.#from = from;
    this.#capacity = capacity;
    this.#blockSize = blockSize;
  }

  on(event: EngineEvent): void {
    if (event.type === 'finished') {
      // The group is as long as any of its sequences: they all end together.
      const latency = event.time - event.request.arrival;
      this.#normalized += latency / event.request.done[0]!.outputTokens;
      this.completed++;
    }
    if (event.time < this.#from) return;
    if (event.type === 'preempted') this.preemptions++;
    if (event.type !== 'step') return;
    this.iterations++;
    this.#requests += event.plan.numRequests;
    this.#seconds += event.end - event.time;
    for (const kind of slotKinds) this.#slots[kind] += event.usage[kind];
    this.#sharing += this.#share(event.plan, event.usage);
  }

  #share(plan: StepPlan, { token, reserved, internal }: MemoryUsage): number {
    // Single sequences advance unnamed, and share nothing.
    if (plan.together) return 1;
    let blocks = 0;
    for (const request of plan.requests) for (const seq of request.seqs) blocks += seq.blocks.length;
    return (blocks * this.#blockSize) / (token + reserved + internal);
  }

  /** Requests in an iteration. */
  get batch(): number {
    return this.#requests / this.iterations;
  }

  /** Length of an iteration. */
  get step(): Seconds {
    return this.#seconds / this.iterations;
  }

  /** Share of the KV memory that is of this kind. */
  share(kind: keyof MemoryUsage): number {
    return this.#slots[kind] / (this.iterations * this.#capacity);
  }

  /** Blocks in the tables of all sequences ÷ blocks taken. */
  get sharing(): number {
    return this.#sharing / this.iterations;
  }

  /** Mean over all requests that ended of latency ÷ output length, seconds a token (§6.1). */
  get normalizedLatency(): Seconds {
    return this.#normalized / this.completed;
  }
}

/**
 * Runs one policy as the paper's artifact runs a system: the same workload whatever the policy, and no
 * end of the run in the figures. Missing settings are those of the OPT-13B server.
 */
export function runWindow(policy: Policy, given: Config, span: Span): Window {
  const rate = given.request_rate as number;
  const config = completeConfig({
    ...servers['opt-13b'],
    ...serving,
    num_prompts: Math.round(rate * span.duration),
    ...given,
  });
  const gpu = findGpu(config.gpu);
  invariant(gpu, () => `no GPU is called ${config.gpu}`);
  const preset = runtimes[policy.runtime];
  const setup = setUpEngine({
    policy: config.preemption ? { ...policy, preemption: config.preemption as Policy['preemption'] } : policy,
    model: modelOf(config.model),
    gpu,
    tensorParallel: config.tensor_parallel,
    weights: config.weights as WeightPrecision,
    kv: config.kv_cache_dtype as KvPrecision,
    gpuMemoryUtilization: config.gpu_memory_utilization,
    kvSlots: config.kv_slots!,
    overheads: {
      // They come on top of the engine's presets.
      perStep: prototypeCpu.perStep - preset.cpuPerStep,
      perSequence: prototypeCpu.perSequence - preset.cpuPerSequence,
      apiPerRequest: 0,
      deviceScale: 1,
    },
    limits: {
      maxModelLen: config.max_model_len!,
      maxNumSeqs: config.max_num_seqs!,
      maxNumBatchedTokens: config.max_num_batched_tokens!,
      ...(config.block_size !== undefined && { blockSize: config.block_size }),
    },
  });
  const workload = buildWorkload(config, config.seed, config.max_model_len!, false);
  const hostSlots = Math.floor(SWAP_SPACE / setup.cost.kvBytesPerToken);
  const memory = createMemory(setup.policy.memory, setup.limits, { slots: setup.slots, hostSlots });
  const window = new Window(span.from, memory.capacity, memory.blockSize);
  const simulation = new Simulation({
    policy: setup.policy,
    limits: setup.limits,
    memory,
    cost: priced(setup.cost, memory),
    seed: config.seed,
    maxTokens: ({ outputTokens }) => outputTokens[0]!,
    workload,
    listener: window,
  });
  const arrivals: Arrival[] = [];
  for (const chunk of workload.chunks() as Iterable<readonly Arrival[]>) arrivals.push(...chunk.map(equal));
  simulation.offer(arrivals);
  simulation.close();
  while (simulation.now < span.to && simulation.run(32) !== 'done');
  return window;
}

/** The paged kernel at the memory's block size. */
function priced(cost: CostModel, { kind, blockSize }: KvMemory): CostModel {
  if (kind !== 'paged' || blockSize === 16) return cost;
  const { runtime } = cost.options;
  const decodeAttention = runtime.decodeAttention * pagedRead(blockSize);
  return new CostModel({ ...cost.options, runtime: { ...runtime, decodeAttention } });
}

/** All samples of a request are as long as the data set's answer (`max_num_steps` of `trace.py`). */
function equal(arrival: Arrival): Arrival {
  const { outputTokens } = arrival;
  return outputTokens.length > 1
    ? { ...arrival, outputTokens: outputTokens.map(() => outputTokens[0]!) }
    : arrival;
}
