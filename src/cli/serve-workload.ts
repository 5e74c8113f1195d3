import type { Seconds } from '../core/units.ts';
import { completeParams } from '../engine/complete-params.ts';
import type { Engine } from '../engine/engine.ts';
import type { RequestOutput } from '../engine/outputs.ts';
import type { Arrival, Workload } from '../sim/workload/workload.ts';
import type { LivePrompts } from './live-prompts.ts';

/** What came of a workload beside what the engine's events say. */
export interface Served {
  /** Requests whose outputs the context cut short. */
  readonly truncated: number;
}

/**
 * Sends a workload to an engine as its clients would, each request at its time on the real clock and each output as
 * long as the workload has it (`ignore_eos`, as `vllm bench serve`); returns when all are over.
 * @param report told how many are.
 */
export async function serveWorkload(
  engine: Engine,
  workload: Workload,
  prompts: LivePrompts,
  report: (ended: number) => void,
): Promise<Served> {
  const clients = new Clients(engine, workload, prompts, report);
  for await (const chunk of workload.chunks()) clients.expect(chunk);
  return await clients.run();
}

class Clients {
  readonly #engine: Engine;
  readonly #workload: Workload;
  readonly #prompts: LivePrompts;
  readonly #report: (ended: number) => void;
  readonly #over = new AbortController();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #waiting: Arrival[] = [];
  #start: Seconds = 0;
  /** Requests that are not over, and those to come that are known. */
  #left = 0;
  #ended = 0;
  #truncated = 0;
  #failure: unknown;

  constructor(engine: Engine, workload: Workload, prompts: LivePrompts, report: (ended: number) => void) {
    this.#engine = engine;
    this.#workload = workload;
    this.#prompts = prompts;
    this.#report = report;
  }

  expect(arrivals: readonly Arrival[]): void {
    this.#waiting.push(...arrivals);
    this.#left += arrivals.length;
  }

  async run(): Promise<Served> {
    this.#start = this.#engine.clock();
    for (const arrival of this.#waiting) this.#send(arrival);
    try {
      if (this.#left > 0) await this.#engine.run(this.#over.signal);
    } finally {
      for (const timer of this.#timers) clearTimeout(timer);
    }
    if (this.#failure !== undefined) throw this.#failure;
    return { truncated: this.#truncated };
  }

  #send(arrival: Arrival): void {
    const wait = arrival.arrival - (this.#engine.clock() - this.#start);
    if (wait <= 0) {
      this.#add(arrival);
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#add(arrival);
    }, wait * 1000);
    this.#timers.add(timer);
  }

  #add(arrival: Arrival): void {
    const wanted = Math.max(...arrival.outputTokens);
    try {
      const added = this.#engine.add({
        promptTokenIds: this.#prompts.idsOf(arrival),
        params: completeParams({
          temperature: 0,
          maxTokens: wanted,
          ignoreEos: true,
          n: arrival.outputTokens.length,
        }),
        priority: arrival.priority,
        cacheSalt: arrival.cacheSalt,
        onFinish: output => this.#finished(arrival, output, wanted),
      });
      if ('rejected' in added) this.#end(arrival);
    } catch (error) {
      // A timer has nobody to tell.
      this.#failure ??= error;
      this.#over.abort();
    }
  }

  #finished(arrival: Arrival, output: RequestOutput, wanted: number): void {
    if (output.outputs.some(({ tokenIds }) => tokenIds.length < wanted)) this.#truncated++;
    this.#prompts.answered(arrival, output);
    this.#end(arrival);
  }

  #end(arrival: Arrival): void {
    this.#report(++this.#ended);
    const finishedAt = this.#engine.clock() - this.#start;
    const next = this.#workload.onFinished?.({ arrival, finishedAt });
    if (next) this.#send(next);
    else if (--this.#left === 0) this.#over.abort();
  }
}
