import type { Seconds } from '../core/units.ts';
import { BlockReplay, stepOfEntry } from './block-replay.ts';
import { lifeOf, type Phase, type RequestState, stateOf } from './phases.ts';
import { type BlockState, type Recording, type WorkKind, workKinds } from './recording.ts';
import { type Grouped, groupBy, groupOf, lastNotAfter } from './search.ts';
import { type Holding, TableReplay } from './table-replay.ts';

/** What one request did in one step. */
export interface Work {
  readonly step: number;
  readonly request: number;
  readonly kind: WorkKind;
  readonly tokens: number;
}

/** A recorded run, at any step: 0 to `recording.steps.count − 1`; what lies outside is taken to the nearest. */
export class Replay {
  readonly recording: Recording;
  readonly #blocks: BlockReplay;
  readonly #tables: TableReplay;
  #work: Grouped | undefined;

  constructor(recording: Recording) {
    this.recording = recording;
    this.#blocks = new BlockReplay(recording);
    this.#tables = new TableReplay(recording);
  }

  /** Every block at a step. The arrays are this replay's own, and change with the next call. */
  stateAt(step: number): BlockState {
    return this.#blocks.at(this.#clamp(step));
  }

  /** The last step that had begun by a time; 0 before the first. */
  stepAt(time: Seconds): number {
    return Math.max(
      0,
      lastNotAfter(this.recording.steps.time, time, begin => begin),
    );
  }

  /** The block table of a sequence, logical to physical: −1 where a sliding window has passed. */
  tableAt(request: number, sequence: number, step: number): readonly number[] {
    return this.#tables.table(request, sequence, this.#clamp(step));
  }

  /** Sequences of a request that hold memory at a step. */
  sequencesAt(request: number, step: number): readonly number[] {
    return this.#tables.sequences(request, this.#clamp(step));
  }

  /** All that hold a block at a step: several where it is shared. */
  holdingsAt(block: number, step: number): readonly Holding[] {
    return this.#tables.holdings(block, this.#clamp(step));
  }

  /** Requests that share a block at a step, each once. */
  requestsOf(block: number, step: number): readonly number[] {
    return [...new Set(this.holdingsAt(block, step).map(({ request }) => request))];
  }

  stateOf(request: number, step: number): RequestState {
    const { end } = this.recording.requests[request]!;
    return stateOf(lifeOf(this.recording, request), end, step);
  }

  /** What a request did from its arrival to its end, without gaps. */
  phases(request: number): readonly Phase[] {
    return lifeOf(this.recording, request).phases;
  }

  /** What each request did in a step. */
  workAt(step: number): readonly Work[] {
    const { start } = this.recording.work;
    const at = this.#clamp(step);
    if (at < 0) return [];
    return Array.from({ length: start[at + 1]! - start[at]! }, (_, i) => this.#workOf(at, start[at]! + i));
  }

  /** The steps in which a request did something. */
  workOf(request: number): readonly Work[] {
    const { work, requests } = this.recording;
    this.#work ??= groupBy(work.request, requests.length);
    return Array.from(groupOf(this.#work, request), entry =>
      this.#workOf(stepOfEntry(work.start, entry), entry),
    );
  }

  #workOf(step: number, entry: number): Work {
    const { request, kind, tokens } = this.recording.work;
    return { step, request: request[entry]!, kind: workKinds[kind[entry]!]!, tokens: tokens[entry]! };
  }

  /** −1 where nothing ever ran. */
  #clamp(step: number): number {
    return Math.max(
      Math.min(0, this.recording.steps.count - 1),
      Math.min(this.recording.steps.count - 1, step),
    );
  }
}
