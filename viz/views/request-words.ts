import type { Seconds } from '../../src/core/units.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { type Bar, type BarKind, barAt, barsOf } from './bars.ts';
import { duration, moment, plural, whole } from './words.ts';

const doing: Record<BarKind, string> = {
  queued: 'queued',
  prefill: 'prefill',
  decode: 'decode',
  held: 'ended, its row held by the batch',
  preempted: 'preempted, waits to come back',
  stalled: 'in the batch, this step went to others',
};

/** All that is known of a request, and what it does at a time. */
export function requestWords(recording: Recording, request: number, time: Seconds): string[] {
  const one = recording.requests[request]!;
  const bars = barsOf(recording)[request]!;
  const bar = bars[barAt(bars, time)];
  const samples = one.width > 1 ? `, ${one.width} sequences` : '';
  const hit = one.cachedTokens > 0 ? `, ${whole(one.cachedTokens)} cached` : '';
  const since = (then: Seconds) => duration(then - one.arrival);
  return [
    `request ${one.id}${bar ? ` · ${doing[bar.kind]}` : one.end === 'running' ? '' : ` · ${one.end}`}`,
    ...(bar ? [barWords(bar)] : []),
    `arrived at ${moment(one.arrival, 1e-3)} s`,
    `prompt ${plural(one.promptTokens, 'token')}${hit}`,
    `output ${plural(one.outputTokens, 'token')} of at most ${whole(one.maxTokens)}${samples}`,
    ...(Number.isNaN(one.admitted) ? [] : [`waited ${since(one.admitted)}`]),
    ...(Number.isNaN(one.firstToken) ? [] : [`first token after ${since(one.firstToken)}`]),
    ...(Number.isNaN(one.finished) ? [] : [`${one.end} after ${since(one.finished)}`]),
    ...(one.preemptions > 0 ? [`preempted ${plural(one.preemptions, 'time')}`] : []),
  ];
}

function barWords({ from, to, steps, tokens, kind }: Bar): string {
  const span = `${moment(from, 1e-3)} to ${moment(to, 1e-3)} s, ${duration(to - from)}`;
  if (steps === 0) return span;
  return `${span}: ${plural(steps, 'step')}${kind === 'held' ? '' : `, ${plural(tokens, 'token')}`}`;
}
