import type { EngineEvent, Listener } from '../core/events.ts';
import type { Request } from '../core/request.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import { waitText } from '../trace/reasons.ts';
import type { Engine } from './engine.ts';
import type { EngineStats } from './engine-client.ts';
import { StepTokens } from './step-tokens.ts';

type StepEvent = EngineEvent & { readonly type: 'step' };

/**
 * Counts as it happens what a server tells, in bounded memory: `Metrics` keeps every request for its percentiles, and
 * counts tokens only when their request is over.
 */
export class EngineTally implements Listener {
  readonly detail = false;
  readonly #engine: Engine;
  /** Tokens that the preempted lost, until they come back. */
  readonly #lost = new Map<Request, Tokens>();
  readonly #stepTokens = new StepTokens();
  #steps = 0;
  #busy: Seconds = 0;
  #promptTokens = 0;
  #outputTokens = 0;
  #preemptions = 0;
  #recomputedTokens = 0;
  #prefixQueries = 0;
  #prefixHits = 0;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  on(event: EngineEvent): void {
    switch (event.type) {
      case 'step':
        this.#step(event);
        return;
      case 'admitted':
        this.#admitted(event.request, event.from, event.cachedTokens);
        return;
      case 'preempted':
        this.#preemptions++;
        this.#lost.set(event.request, (this.#lost.get(event.request) ?? 0) + event.lostTokens);
        return;
      case 'aborted':
        this.#lost.delete(event.request);
        return;
      default:
        return;
    }
  }

  #admitted(request: Request, from: 'waiting' | 'preempted' | 'swapped', cached: Tokens): void {
    const lost = this.#lost.get(request);
    this.#lost.delete(request);
    if (from === 'swapped') return;
    const rows = request.seqs.length;
    if (from === 'waiting') {
      // Once a request, as vLLM: what comes back finds itself.
      this.#prefixQueries += request.numTokens * rows;
      this.#prefixHits += cached * rows;
    } else this.#recomputedTokens += Math.max(0, (lost ?? 0) - cached * rows);
  }

  /** Heard before the scheduler books the tokens. */
  #step({ time, end, plan }: StepEvent): void {
    this.#steps++;
    this.#busy += end - time;
    let tokens = 0;
    for (const [i, request] of plan.requests.entries()) {
      const first = request.numOutputTokens === 0;
      // The last that is computed before a draw was drawn itself, and counted, a step before.
      const counted = plan.samples[i] && !first ? 1 : 0;
      tokens += (plan.numTokens[i]! - counted) * plan.rows[i]!;
      if (!plan.samples[i] || request.status !== 'running') continue;
      // As vLLM: a prompt counts when it has brought its first token.
      if (first) this.#promptTokens += request.promptTokens;
      const drawn = first ? request.width : request.seqs.length;
      this.#outputTokens += drawn;
      tokens += drawn;
    }
    this.#stepTokens.add(tokens);
  }

  stats(): EngineStats {
    const { scheduler, clock, devicesLost } = this.#engine;
    const { waiting, memory } = scheduler;
    const head = waiting.peek();
    const why = head && scheduler.whyWaiting(head);
    return {
      time: clock(),
      running: scheduler.running.length,
      waiting: waiting.size,
      // The head waits for nobody before it, unless it became the head since the last step.
      waitingFor:
        why && why.kind !== 'head-of-line'
          ? waitText(why, memory.kind === 'padded' ? 'slot' : 'block')
          : undefined,
      usage: { ...memory.usage() },
      steps: this.#steps,
      stepTokens: this.#stepTokens.read(),
      busy: this.#busy,
      promptTokens: this.#promptTokens,
      outputTokens: this.#outputTokens,
      preemptions: this.#preemptions,
      recomputedTokens: this.#recomputedTokens,
      prefixQueries: this.#prefixQueries,
      prefixHits: this.#prefixHits,
      devicesLost,
    };
  }
}
