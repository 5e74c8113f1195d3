import type { Seconds, Tokens } from '../core/units.ts';
import { type Decision, type Recording, type WorkKind, workKinds } from './recording.ts';

/** A stretch of a request's life. */
export interface Slice {
  readonly kind: 'queued' | 'preempted' | WorkKind;
  /** Its id. */
  readonly request: number;
  readonly from: Seconds;
  readonly to: Seconds;
  /** Of the batch, from 0; a request that waits has none. */
  readonly lane: number | undefined;
  /** Numbers of the preemptions after which it goes on, and by which it ends. */
  readonly flow: { readonly resumes: number | undefined; readonly stops: number | undefined } | undefined;
  readonly args: Readonly<Record<string, unknown>>;
}

interface Work {
  readonly kind: WorkKind;
  readonly from: Seconds;
  readonly resumes: number | undefined;
  to: Seconds;
  /** The last step of it. */
  step: number;
  tokens: Tokens;
  steps: number;
  /** Entries of its block tables. */
  blocks: number;
}

/** What is known of a request while it is under way. */
interface Life {
  lane: number | undefined;
  work: Work | undefined;
  /** Since when it waits, and why. */
  wait:
    | { readonly kind: 'queued' | 'preempted'; readonly from: Seconds; readonly reason: string }
    | undefined;
  /** Preempted or over: its lane is free as soon as it has no work. */
  leaving: boolean;
  /** Number of the preemption after which it has not run yet. */
  preemption: number | undefined;
  /** Logical blocks of its tables that have a physical one. */
  readonly table: Set<number>;
}

/** Logical blocks of one sequence at most: what tells the entries of its samples apart. */
const SEQUENCE = 2 ** 32;

/**
 * Goes through a recording step by step and gives the requests of the batch lanes: the lowest that is free, from
 * the first work after an admission to the end. What a request does in steps one after the other is one slice.
 */
export class Lanes {
  /** Decisions before the step that `next` has come to. */
  decisions: readonly Decision[] = [];
  /** Lanes used so far. */
  count = 0;
  readonly #recording: Recording;
  readonly #lives = new Map<number, Life>();
  /** Those that have a lane. */
  readonly #batch = new Map<number, Life>();
  readonly #free: number[] = [];
  #step = 0;
  #decision = 0;
  #preemptions = 0;
  #slices: Slice[] = [];

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /** Goes to the next step, or past the last one; @returns the slices that are complete with that. */
  next(): readonly Slice[] {
    const { work, steps } = this.#recording;
    const step = this.#step++;
    this.#slices = [];
    this.#decide(step);
    if (step === steps.count) {
      this.#end();
      return this.#slices;
    }
    const [start, end] = [work.start[step]!, work.start[step + 1]!];
    const runs = new Set(work.request.subarray(start, end));
    for (const [index, life] of this.#batch) {
      if (runs.has(index)) continue;
      this.#close(index, life);
      if (life.leaving) this.#leave(index, life);
    }
    this.#changeTables(step);
    for (let i = start; i < end; i++) this.#work(work.request[i]!, workKinds[work.kind[i]!]!, i, step);
    return this.#slices;
  }

  #decide(step: number): void {
    const { decisions } = this.#recording;
    const first = this.#decision;
    while (this.#decision < decisions.length) {
      const decision = decisions[this.#decision]!;
      if (decision.step > step && step < this.#recording.steps.count) break;
      this.#decision++;
      this.#apply(decision);
    }
    this.decisions = decisions.slice(first, this.#decision);
  }

  #apply({ type, request: index, time, reason }: Decision): void {
    const life = this.#life(index);
    switch (type) {
      case 'arrived':
        life.wait = { kind: 'queued', from: this.#recording.requests[index]!.arrival, reason: '' };
        break;
      case 'admitted':
        this.#endWait(index, life, time);
        life.leaving = false;
        break;
      case 'preempted':
        life.preemption = ++this.#preemptions;
        this.#close(index, life, life.preemption);
        life.wait = { kind: 'preempted', from: time, reason };
        life.leaving = true;
        break;
      case 'finished':
      case 'aborted':
      case 'rejected':
        this.#endWait(index, life, time);
        life.leaving = true;
        if (life.lane === undefined) this.#lives.delete(index);
        break;
      default:
    }
  }

  #life(index: number): Life {
    let life = this.#lives.get(index);
    if (life) return life;
    life = {
      lane: undefined,
      work: undefined,
      wait: undefined,
      // Until it is admitted: one that was aborted may still have a row of the batch.
      leaving: true,
      preemption: undefined,
      table: new Set(),
    };
    this.#lives.set(index, life);
    return life;
  }

  #changeTables(step: number): void {
    const { tables } = this.#recording;
    for (let i = tables.start[step]!; i < tables.start[step + 1]!; i++) {
      const entry = tables.sequence[i]! * SEQUENCE + tables.index[i]!;
      const { table } = this.#lives.get(tables.request[i]!) ?? { table: undefined };
      if (tables.block[i]! < 0) table?.delete(entry);
      else table?.add(entry);
    }
  }

  #work(index: number, kind: WorkKind, at: number, step: number): void {
    const { steps, work } = this.#recording;
    const life = this.#life(index);
    // Its other samples may have ended: their rows are held while it goes on.
    if (life.work?.step === step) return;
    if (life.lane === undefined) this.#enter(index, life);
    // Each chunk of a prompt is a decision of its own; steps of decode are alike.
    if (life.work && (life.work.kind !== kind || kind === 'prefill')) this.#close(index, life);
    if (!life.work) {
      const resumes = life.preemption;
      life.preemption = undefined;
      life.work = { kind, from: steps.time[step]!, resumes, step, to: 0, tokens: 0, steps: 0, blocks: 0 };
    }
    life.work.step = step;
    life.work.to = steps.end[step]!;
    life.work.tokens += work.tokens[at]!;
    life.work.steps++;
    life.work.blocks = life.table.size;
  }

  #enter(index: number, life: Life): void {
    this.#batch.set(index, life);
    const lowest = this.#free.indexOf(Math.min(...this.#free));
    life.lane = lowest < 0 ? this.count++ : this.#free.splice(lowest, 1)[0]!;
  }

  #leave(index: number, life: Life): void {
    this.#batch.delete(index);
    this.#free.push(life.lane!);
    life.lane = undefined;
    // One that was preempted comes back.
    if (!life.wait) this.#lives.delete(index);
  }

  #endWait(index: number, life: Life, to: Seconds): void {
    const { wait } = life;
    life.wait = undefined;
    if (!wait || to <= wait.from) return;
    const { kind, from, reason } = wait;
    const request = this.#recording.requests[index]!;
    const args = {
      prompt_tokens: request.promptTokens,
      ...(kind === 'queued' && { cached_tokens: request.cachedTokens }),
      ...(reason !== '' && { reason }),
    };
    this.#slices.push({ kind, request: request.id, from, to, lane: undefined, flow: undefined, args });
  }

  #close(index: number, life: Life, stops?: number): void {
    const { work } = life;
    if (!work) return;
    life.work = undefined;
    const { kind, from, to, tokens, steps, resumes, blocks } = work;
    const args = { tokens, blocks, ...(kind !== 'prefill' && { steps }) };
    const flow = resumes === undefined && stops === undefined ? undefined : { resumes, stops };
    const request = this.#recording.requests[index]!.id;
    this.#slices.push({ kind, request, from, to, lane: life.lane, flow, args });
  }

  /** The run is over, whoever was under way. */
  #end(): void {
    const { steps } = this.#recording;
    const last = steps.count === 0 ? 0 : steps.end[steps.count - 1]!;
    for (const [index, life] of this.#lives) {
      this.#close(index, life);
      this.#endWait(index, life, last);
    }
  }
}
