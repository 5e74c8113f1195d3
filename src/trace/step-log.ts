import type { EngineEvent } from '../core/events.ts';
import { slotKinds } from '../core/kv-memory.ts';
import type { Request } from '../core/request.ts';
import type { StepPlan } from '../core/step-plan.ts';
import { Column } from './column.ts';
import { type StepColumns, type WorkColumns, type WorkKind, workKinds } from './recording.ts';

interface Around {
  readonly running: readonly Request[];
  readonly waiting: number;
  readonly indexOf: (request: Request) => number;
  readonly cost: { compute: number; bandwidth: number; overhead: number } | undefined;
}

const kindIndex = (kind: WorkKind) => workKinds.indexOf(kind);
const [PREFILL, DECODE, HELD] = [kindIndex('prefill'), kindIndex('decode'), kindIndex('held')];

/** Writes down each step, and what each request did in it. */
export class StepLog {
  readonly #time = new Column(Float64Array);
  readonly #end = new Column(Float64Array);
  readonly #running = new Column(Int32Array);
  readonly #waiting = new Column(Int32Array);
  readonly #held = new Column(Int32Array);
  readonly #prefillTokens = new Column(Int32Array);
  readonly #decodeTokens = new Column(Int32Array);
  readonly #compute = new Column(Float32Array);
  readonly #bandwidth = new Column(Float32Array);
  readonly #overhead = new Column(Float32Array);
  readonly #usage = slotKinds.map(kind => [kind, new Column(Float64Array)] as const);
  readonly #start = new Column(Int32Array);
  readonly #request = new Column(Int32Array);
  readonly #kind = new Column(Uint8Array);
  readonly #tokens = new Column(Int32Array);
  #spent = { compute: 0, bandwidth: 0, overhead: 0 };

  constructor() {
    this.#start.push(0);
  }

  get count(): number {
    return this.#time.length;
  }

  add({ time, end, plan, usage }: EngineEvent & { type: 'step' }, around: Around): void {
    this.#time.push(time);
    this.#end.push(end);
    this.#running.push(plan.numRequests);
    this.#waiting.push(around.waiting);
    this.#held.push(plan.heldRows);
    for (const [kind, column] of this.#usage) column.push(usage[kind]);
    this.#bounds(end - time, around.cost);
    const decodes = this.#plan(plan, around.indexOf);
    this.#decodeTokens.push(decodes);
    this.#prefillTokens.push(plan.totalTokens - decodes);
    if (plan.heldRows > 0) {
      for (const request of around.running) {
        const rows = request.status === 'held' ? request.width : request.done.length;
        if (rows > 0) this.#work(around.indexOf(request), HELD, rows);
      }
    }
    this.#start.push(this.#request.length);
  }

  #bounds(duration: number, cost: Around['cost']): void {
    const spent = this.#spent;
    if (cost) {
      const { compute, bandwidth, overhead } = cost;
      this.#spent = { compute, bandwidth, overhead };
    } else this.#spent = { ...spent, overhead: spent.overhead + duration };
    this.#compute.push(this.#spent.compute - spent.compute);
    this.#bandwidth.push(this.#spent.bandwidth - spent.bandwidth);
    this.#overhead.push(this.#spent.overhead - spent.overhead);
  }

  /** Notes what the requests of a plan compute; returns the tokens that are decoded. */
  #plan(plan: StepPlan, indexOf: Around['indexOf']): number {
    let decodes = 0;
    for (const [i, request] of plan.requests.entries()) {
      const tokens = plan.numTokens[i]!;
      const { numOutputTokens, promptTokens } = request;
      // As `Request.decoding` was when the step was planned: only the last token was not computed yet.
      const decoding =
        tokens === 1 && numOutputTokens > 0 && plan.starts[i] === promptTokens + numOutputTokens - 1;
      const all = tokens * plan.rows[i]!;
      if (decoding) decodes += all;
      this.#work(indexOf(request), decoding ? DECODE : PREFILL, all);
    }
    return decodes;
  }

  #work(request: number, kind: number, tokens: number): void {
    this.#request.push(request);
    this.#kind.push(kind);
    this.#tokens.push(tokens);
  }

  steps(): StepColumns {
    const usage = Object.fromEntries(this.#usage.map(([kind, column]) => [kind, column.take()]));
    return {
      count: this.count,
      time: this.#time.take(),
      end: this.#end.take(),
      running: this.#running.take(),
      waiting: this.#waiting.take(),
      held: this.#held.take(),
      prefillTokens: this.#prefillTokens.take(),
      decodeTokens: this.#decodeTokens.take(),
      compute: this.#compute.take(),
      bandwidth: this.#bandwidth.take(),
      overhead: this.#overhead.take(),
      usage: usage as StepColumns['usage'],
    };
  }

  work(): WorkColumns {
    return {
      start: this.#start.take(),
      request: this.#request.take(),
      kind: this.#kind.take(),
      tokens: this.#tokens.take(),
    };
  }
}
