import type { Seconds } from '../../src/core/units.ts';
import { decisionColumns } from '../../src/trace/decision-columns.ts';
import type { Decision, RecordedRequest, Recording } from '../../src/trace/recording.ts';
import { Replay } from '../../src/trace/replay.ts';
import { lastNotAfter } from '../../src/trace/search.ts';
import { type Latencies, latenciesIn } from './latencies.ts';
import type { Span } from './state.ts';
import { runSummary, type Summary } from './summary.ts';

/** Some of the decisions up to a step. */
export interface Decided {
  readonly rows: readonly { readonly index: number; readonly decision: Decision; readonly now: boolean }[];
  /** Decisions of the step that are not among them. */
  readonly more: number;
}

/** One recorded run, with what the page asks of it again and again. */
export class Run {
  readonly recording: Recording;
  readonly replay: Replay;
  readonly summary: Summary;
  readonly start: Seconds;
  readonly end: Seconds;
  /** When it was begun to be recorded, of an engine that ran already; undefined of a whole run. */
  readonly since: Seconds | undefined;

  constructor(recording: Recording, since?: Seconds) {
    this.recording = recording;
    this.replay = new Replay(recording);
    this.summary = runSummary.of(recording);
    this.start = this.summary.start;
    this.end = this.summary.end;
    this.since = since;
  }

  /** Requests finished a second: of a part of a run, some of which came before it, over the time that it covers. */
  get throughput(): number {
    const { since, end, summary } = this;
    if (since === undefined) return summary.throughput;
    return end > since ? summary.finished / (end - since) : 0;
  }

  /** The first decisions of a step in their order; then those before it, the latest first: `count` together. */
  decisionsUpTo(step: number, count: number): Decided {
    const { decisions } = this.recording;
    const { step: steps } = decisionColumns(decisions);
    const end = lastNotAfter(steps, step, of => of) + 1;
    const now = lastNotAfter(steps, step - 1, of => of) + 1;
    const shown = Math.min(end - now, count);
    const before = Math.min(now, count - shown);
    const indices = [
      ...Array.from({ length: shown }, (_, i) => now + i),
      ...Array.from({ length: before }, (_, i) => now - 1 - i),
    ];
    return {
      rows: indices.map(index => ({ index, decision: decisions[index]!, now: index >= now })),
      more: end - now - shown,
    };
  }

  latencies(span: Span): Latencies {
    return latenciesIn(this.recording, span);
  }
}

export const ttftOf = ({ firstToken, arrival }: RecordedRequest): Seconds => firstToken - arrival;

/** NaN of an answer of one token, which has no gap. */
export function tpotOf({ finished, firstToken, outputTokens }: RecordedRequest): Seconds {
  return outputTokens > 1 ? (finished - firstToken) / (outputTokens - 1) : Number.NaN;
}
