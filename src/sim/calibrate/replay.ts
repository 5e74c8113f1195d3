import { UsageError } from '../../core/errors.ts';
import type { TokenSource } from '../../core/token-source.ts';
import type { Seconds, Tokens } from '../../core/units.ts';
import { CostModel } from '../cost/cost-model.ts';
import { type Overheads, withOverheads } from '../cost/overhead-profile.ts';
import type { EngineSetup } from '../engine-setup.ts';
import { Metrics } from '../metrics.ts';
import { Simulation } from '../simulation.ts';
import type { Arrival } from '../workload/workload.ts';
import { type MeasuredRun, tpotOf } from './measured.ts';

/** Latencies in the order of the requests; a TPOT of NaN where a request has none. */
export interface Latencies {
  readonly ttft: Float64Array;
  readonly tpot: Float64Array;
  readonly e2el: Float64Array;
}

export interface ReplayOptions {
  readonly maxTokens: (arrival: Arrival) => Tokens;
  /** What each request contains, for prefix caches. */
  readonly content: ((request: number) => TokenSource) | undefined;
}

/** Serves the requests of a measured run in simulation, at the times they came, under any overheads. */
export class Replay {
  readonly measured: Latencies;
  readonly setup: EngineSetup;
  readonly #arrivals: readonly Arrival[];
  readonly #options: ReplayOptions;
  readonly #known = new Map<string, Latencies>();

  constructor(run: MeasuredRun, setup: EngineSetup, options: ReplayOptions) {
    this.setup = setup;
    this.#options = options;
    this.#arrivals = run.requests.map(({ arrival, promptTokens, outputTokens }, i) => ({
      arrival,
      promptTokens,
      outputTokens: [outputTokens],
      ...(options.content && { tokens: options.content(i) }),
    }));
    this.measured = {
      ttft: Float64Array.from(run.requests, request => request.ttft),
      tpot: Float64Array.from(run.requests, request => tpotOf(request) ?? Number.NaN),
      e2el: Float64Array.from(run.requests, request => request.e2el),
    };
  }

  /**
   * What clients would measure. The API path is the same for all, so it shifts what the engine does and
   * changes nothing in it.
   *
   * @throws UsageError when the engine cannot serve the requests.
   */
  latencies(overheads: Overheads): Latencies {
    const { perStep, perSequence, deviceScale, apiPerRequest } = overheads;
    const key = `${perStep} ${perSequence} ${deviceScale}`;
    let engine = this.#known.get(key);
    if (!engine) {
      engine = this.#simulate({ ...overheads, apiPerRequest: 0 });
      this.#known.set(key, engine);
    }
    const later = (seconds: Seconds) => seconds + apiPerRequest;
    return { ttft: engine.ttft.map(later), tpot: engine.tpot, e2el: engine.e2el.map(later) };
  }

  /** log(simulated / measured) of TTFT, TPOT and end-to-end latency, one after the other; NaN where there is none. */
  ratios(overheads: Overheads): Float64Array {
    const simulated = this.latencies(overheads);
    const n = this.#arrivals.length;
    const ratios = new Float64Array(3 * n);
    for (const [m, name] of (['ttft', 'tpot', 'e2el'] as const).entries()) {
      for (let i = 0; i < n; i++) ratios[m * n + i] = Math.log(simulated[name][i]! / this.measured[name][i]!);
    }
    return ratios;
  }

  #simulate(overheads: Overheads): Latencies {
    const { policy, limits, cost } = this.setup;
    const metrics = new Metrics();
    const simulation = new Simulation({
      policy,
      limits,
      memory: this.setup.createMemory(),
      cost: new CostModel({ ...cost.options, runtime: withOverheads(cost.options.runtime, overheads) }),
      seed: 0,
      maxTokens: this.#options.maxTokens,
      workload: {},
      listener: metrics,
    });
    simulation.offer(this.#arrivals);
    simulation.close();
    simulation.run();
    this.#checkServed(metrics);
    const n = this.#arrivals.length;
    const ttft = new Float64Array(n);
    const tpot = new Float64Array(n).fill(Number.NaN);
    const e2el = new Float64Array(n);
    // Requests are numbered as they arrive.
    for (const [at, request] of metrics.ids.values.entries()) {
      ttft[request] = metrics.ttft.values[at]!;
      e2el[request] = metrics.e2el.values[at]!;
      const later = this.#arrivals[request]!.outputTokens[0]! - 1;
      if (later > 0) tpot[request] = (e2el[request]! - ttft[request]!) / later;
    }
    return { ttft, tpot, e2el };
  }

  #checkServed({ rejected, rejectedFor, truncated }: Metrics): void {
    const { policy } = this.setup;
    if (rejected > 0) {
      throw new UsageError(
        `${policy.name} would reject ${rejected} of the measured requests (the first: ${rejectedFor}); give it the ` +
          'limits of the engine that served them',
      );
    }
    if (truncated > 0) {
      throw new UsageError(
        `${policy.name} would cut ${truncated} of the measured answers short; raise --max-model-len or --max-tokens`,
      );
    }
  }
}
