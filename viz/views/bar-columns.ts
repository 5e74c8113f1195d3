import { Column } from '../../src/trace/column.ts';
import { decisionColumns, typeIndex } from '../../src/trace/decision-columns.ts';
import { Derived } from '../../src/trace/derived.ts';
import { type Recording, workKinds } from '../../src/trace/recording.ts';
import { requestColumns } from '../../src/trace/request-columns.ts';
import { groupBy } from '../../src/trace/search.ts';

/** What a request does from one moment to another. `stalled`: in the batch, but the step went to others. */
export const barKinds = ['queued', 'prefill', 'decode', 'held', 'preempted', 'stalled'] as const;
export type BarKind = (typeof barKinds)[number];

/** The bars of all requests; those of request `i` are `[start[i], start[i + 1])`, in order. */
export interface BarColumns {
  readonly start: Int32Array;
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Index into `barKinds`. */
  readonly kind: Uint8Array;
  /** Steps it took, and tokens computed in them. */
  readonly steps: Int32Array;
  readonly tokens: Int32Array;
}

/** No step is as short. */
const INSTANT = 1e-9;

const kindIndex = (kind: BarKind) => barKinds.indexOf(kind);
const [QUEUED, PREFILL, HELD] = [kindIndex('queued'), kindIndex('prefill'), kindIndex('held')];
const [PREEMPTED, STALLED] = [kindIndex('preempted'), kindIndex('stalled')];

export const barColumns = new Derived('bars', (recording): BarColumns => {
  const sweep = new Sweep(recording);
  for (let step = 0; step < recording.steps.count; step++) sweep.step(step);
  return sweep.end();
});

/** Goes through a run step by step, and lays down bars as they come. */
class Sweep {
  readonly #recording: Recording;
  readonly #request = new Column(Int32Array);
  readonly #from = new Column(Float64Array);
  readonly #to = new Column(Float64Array);
  readonly #kind = new Column(Uint8Array);
  readonly #steps = new Column(Int32Array);
  readonly #tokens = new Column(Int32Array);
  /** Of each request: its last bar, the step it worked in last, and what it is while it does nothing. */
  readonly #last: Int32Array;
  readonly #worked: Int32Array;
  readonly #idle: Uint8Array;
  readonly #arrival: Float64Array;
  /** Of work, as a kind of bar. */
  readonly #kinds = workKinds.map(kindIndex);
  #decision = 0;

  constructor(recording: Recording) {
    const { length } = recording.requests;
    this.#recording = recording;
    this.#last = new Int32Array(length).fill(-1);
    this.#worked = new Int32Array(length).fill(-1);
    this.#idle = new Uint8Array(length).fill(QUEUED);
    this.#arrival = requestColumns(recording.requests).arrival;
  }

  step(step: number): void {
    const { steps, work } = this.#recording;
    this.#preempt(step);
    const [from, to] = [steps.time[step]!, steps.end[step]!];
    for (let entry = work.start[step]!; entry < work.start[step + 1]!; entry++) {
      const request = work.request[entry]!;
      const kind = this.#kinds[work.kind[entry]!]!;
      const tokens = work.tokens[entry]!;
      if (this.#worked[request] === step) {
        // Another of its sequences: one of them may be held while the others go on.
        if (kind !== HELD) this.#tokens.add(this.#last[request]!, tokens);
        continue;
      }
      const last = this.#last[request]!;
      // A real engine needs a moment from step to step, which is no pause of those that are in both.
      if (step > 0 && this.#worked[request] === step - 1) this.#to.set(last, from);
      else this.#pause(request, from);
      this.#worked[request] = step;
      this.#idle[request] = STALLED;
      const now = this.#last[request]!;
      if (now >= 0 && this.#kind.at(now) === kind && kind !== PREFILL) {
        this.#to.set(now, to);
        this.#steps.add(now, 1);
        this.#tokens.add(now, tokens);
      } else this.#push(request, from, to, kind, 1, tokens);
    }
  }

  #preempt(step: number): void {
    const { count, step: steps, type, request } = decisionColumns(this.#recording.decisions);
    const preempted = typeIndex('preempted');
    for (; this.#decision < count && steps[this.#decision]! <= step; this.#decision++)
      if (type[this.#decision] === preempted) this.#idle[request[this.#decision]!] = PREEMPTED;
  }

  /** Nothing was done for it up to now. */
  #pause(request: number, until: number): void {
    const last = this.#last[request]!;
    const from = last < 0 ? this.#arrival[request]! : this.#to.at(last);
    if (until - from > INSTANT) this.#push(request, from, until, this.#idle[request]!, 0, 0);
  }

  #push(request: number, from: number, to: number, kind: number, steps: number, tokens: number): void {
    this.#last[request] = this.#request.length;
    this.#request.push(request);
    this.#from.push(from);
    this.#to.push(to);
    this.#kind.push(kind);
    this.#steps.push(steps);
    this.#tokens.push(tokens);
  }

  end(): BarColumns {
    const { steps, requests } = this.#recording;
    const over = overTimes(this.#recording);
    const end = steps.count > 0 ? steps.end[steps.count - 1]! : 0;
    for (let request = 0; request < requests.length; request++)
      // The batch may hold its row longer than that.
      this.#pause(request, Number.isNaN(over[request]!) ? end : over[request]!);
    const { start, order } = groupBy(this.#request.take(), requests.length);
    return {
      start,
      from: arranged(this.#from, order, Float64Array),
      to: arranged(this.#to, order, Float64Array),
      kind: arranged(this.#kind, order, Uint8Array),
      steps: arranged(this.#steps, order, Int32Array),
      tokens: arranged(this.#tokens, order, Int32Array),
    };
  }
}

/** When each request was over; NaN where it was not. */
function overTimes({ requests, decisions }: Recording): Float64Array {
  const over = requestColumns(requests).finished.slice();
  const { count, type, request, time } = decisionColumns(decisions);
  const [aborted, rejected] = [typeIndex('aborted'), typeIndex('rejected')];
  for (let i = 0; i < count; i++)
    if (type[i] === aborted || type[i] === rejected) over[request[i]!] = time[i]!;
  return over;
}

type Numbers = Float64Array | Int32Array | Uint8Array;

function arranged<A extends Numbers>(
  column: Column<A>,
  order: Int32Array,
  make: new (length: number) => A,
): A {
  const values = new make(order.length);
  for (let i = 0; i < order.length; i++) values[i] = column.at(order[i]!);
  return values;
}
