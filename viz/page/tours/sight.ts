import type { SlotKind } from '../../../src/core/kv-memory.ts';
import type { Seconds } from '../../../src/core/units.ts';
import { type Decision, FREE, type RecordedRequest, workKinds } from '../../../src/trace/recording.ts';
import type { Run } from '../run.ts';

const HELD = workKinds.indexOf('held');

/** One run at one moment: what a tour reads its figures from. */
export class Sight {
  readonly run: Run;
  readonly step: number;

  constructor(run: Run, time: Seconds) {
    this.run = run;
    this.step = run.replay.stepAt(time);
  }

  get policy(): string {
    return this.run.recording.policy;
  }

  get running(): number {
    return this.run.recording.steps.running[this.step] ?? 0;
  }

  get waiting(): number {
    return this.run.recording.steps.waiting[this.step] ?? 0;
  }

  /** Ended rows that the batch keeps. */
  get held(): number {
    return this.run.recording.steps.held[this.step] ?? 0;
  }

  get prefillTokens(): number {
    return this.run.recording.steps.prefillTokens[this.step] ?? 0;
  }

  get decodeTokens(): number {
    return this.run.recording.steps.decodeTokens[this.step] ?? 0;
  }

  /** How long the step takes. */
  get seconds(): Seconds {
    const { time, end } = this.run.recording.steps;
    return (end[this.step] ?? 0) - (time[this.step] ?? 0);
  }

  slots(...kinds: readonly SlotKind[]): number {
    const { usage } = this.run.recording.steps;
    return kinds.reduce((sum, kind) => sum + (usage[kind][this.step] ?? 0), 0);
  }

  /** Slots that nobody else can have, whatever is in them. */
  get claimed(): number {
    return this.slots('token', 'reserved', 'internal', 'external');
  }

  /** Share of the claimed slots that are of a kind; 0 of nothing. */
  ofClaimed(...kinds: readonly SlotKind[]): number {
    return this.claimed > 0 ? this.slots(...kinds) / this.claimed : 0;
  }

  ofMemory(...kinds: readonly SlotKind[]): number {
    return this.slots(...kinds) / this.run.recording.memory.capacity;
  }

  request(index: number): RecordedRequest {
    return this.run.recording.requests[index]!;
  }

  /** Slots of the blocks that some requests own, or that anybody does. */
  ownedSlots(of?: ReadonlySet<number>): number {
    const { owner } = this.run.replay.stateAt(this.step);
    let blocks = 0;
    for (const request of owner) if (request >= 0 && (of?.has(request) ?? true)) blocks++;
    return blocks * this.run.recording.memory.blockSize;
  }

  /** Requests of which the batch holds ended rows. */
  get heldRequests(): ReadonlySet<number> {
    const { start, request, kind } = this.run.recording.work;
    const held = new Set<number>();
    for (let i = start[this.step] ?? 0; i < (start[this.step + 1] ?? 0); i++)
      if (kind[i] === HELD) held.add(request[i]!);
    return held;
  }

  /** Free blocks, and the longest row of them that lie together. */
  get freeBlocks(): { readonly count: number; readonly together: number } {
    const { owner } = this.run.replay.stateAt(this.step);
    let [count, together, row] = [0, 0, 0];
    for (const request of owner) {
      row = request === FREE ? row + 1 : 0;
      if (request === FREE) count++;
      together = Math.max(together, row);
    }
    return { count, together };
  }

  /** Blocks that somebody holds, and the entries of block tables that name them. */
  get shared(): { readonly blocks: number; readonly entries: number; readonly most: number } {
    const { owner, refs } = this.run.replay.stateAt(this.step);
    let [blocks, entries, most] = [0, 0, 0];
    for (const [block, request] of owner.entries()) {
      const count = refs[block]!;
      if (request < 0 || count === 0) continue;
      blocks++;
      entries += count;
      most = Math.max(most, count);
    }
    return { blocks, entries, most };
  }

  /** When a request had its last token: a server that cannot stream sends it later. */
  lastToken(request: number): Seconds {
    const { end } = this.run.recording.steps;
    const last = this.run.replay.workOf(request).findLast(({ kind }) => kind !== 'held');
    return last ? end[last.step]! : Number.NaN;
  }

  /** The physical blocks of a request's first sequence. */
  table(request: number): readonly number[] {
    const { replay } = this.run;
    const [sequence] = replay.sequencesAt(request, this.step);
    return sequence === undefined ? [] : replay.tableAt(request, sequence, this.step);
  }

  /** The latest decision of a kind, this step's included. */
  latest(type: Decision['type'], request?: number): Decision | undefined {
    return this.run.recording.decisions.findLast(
      decision =>
        decision.step <= this.step &&
        decision.type === type &&
        (request === undefined || decision.request === request),
    );
  }
}

/** Places of memory that blocks lie in: neighbours make one together. */
export function pieces(table: readonly number[]): number {
  const sorted = table.toSorted((a, b) => a - b);
  return sorted.filter((block, i) => i === 0 || block !== sorted[i - 1]! + 1).length;
}
