import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Recording } from '../../src/trace/recording.ts';
import type { View } from '../../viz/picture.ts';
import { light } from '../../viz/theme.ts';
import { barsOf } from '../../viz/views/bars.ts';
import { views } from '../../viz/views/index.ts';
import { stretches } from '../../viz/views/steps.ts';
import { recordingArbitrary } from '../trace/runs.ts';
import { pagedRecording, paneOf, small, staticRecording, textsOf, view } from './support.ts';

const timeline = view('timeline');

describe('the timeline', () => {
  test('a request is something from its arrival to its end', async () => {
    await fc.assert(
      fc.asyncProperty(recordingArbitrary(), async run => {
        const recording = await run();
        for (const [request, bars] of barsOf(recording).entries()) {
          const { arrival, finished } = recording.requests[request]!;
          if (bars.length === 0) continue;
          expect(bars[0]!.from).toBe(arrival);
          for (const [i, { from, to }] of bars.entries()) {
            expect(to).toBeGreaterThan(from);
            if (i > 0) expect(from).toBeCloseTo(bars[i - 1]!.to, 8);
          }
          const ended = bars.findLast(({ kind }) => kind !== 'held');
          if (!Number.isNaN(finished) && ended) expect(ended.to).toBeLessThanOrEqual(finished + 1e-9);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('tells prefill, decode, preemption and the wait for it apart', () => {
    const bars = barsOf(pagedRecording());
    const kinds = (request: number) => bars[request]!.map(({ kind }) => kind);
    expect(kinds(0)).toEqual(['prefill', 'decode']);
    expect(kinds(2)).toEqual(['queued', 'prefill', 'decode']);
    expect(kinds(3)).toEqual(['queued', 'prefill', 'preempted', 'prefill', 'prefill', 'decode']);
    expect(barsOf(staticRecording())[0]!.map(({ kind }) => kind)).toEqual(['prefill', 'decode', 'held']);
  });

  test('a point is a request and a time', () => {
    const pane = paneOf(pagedRecording(), 4);
    const hit = timeline.at(pane, small, 300, 30)!;
    expect(hit.pin).toEqual({ kind: 'request', request: 0 });
    expect(hit.time).toBeCloseTo(((300 - 48) / (small.width - 122 - 48)) * pane.window[1]);
    expect(hit.text).toEqual(expect.arrayContaining(['prompt 8 tokens', 'output 6 tokens of at most 16']));
  });

  test('more requests than pixels: some of them, and the pinned one', () => {
    const recording = pagedRecording();
    const requests = Array.from({ length: 5000 }, (_, id) => ({ ...recording.requests[4]!, id }));
    const many: Recording = { ...recording, requests };
    const picture = timeline.draw(paneOf(many, 4, { kind: 'request', request: 4321 }), small, light);
    const [said] = textsOf(picture).filter(text => /^\d+ of 5,000 requests/.test(text));
    expect(Number(said!.split(' ')[0])).toBeLessThanOrEqual(100);
    expect(textsOf(picture)).toContain('4321');
  });
});

/** The same run on an engine that needs 5 ms from the end of a step to the start of the next. */
function withGaps(recording: Recording): Recording {
  const { steps } = recording;
  const gap = 0.005;
  const later = (times: Float64Array) => times.map((time, step) => time + gap * step);
  const over = (time: number) => time + gap * steps.end.findLastIndex(end => end <= time);
  const requests = recording.requests.map(one => ({ ...one, finished: over(one.finished) }));
  return { ...recording, requests, steps: { ...steps, time: later(steps.time), end: later(steps.end) } };
}

describe('between two steps of a real engine', () => {
  const plain = pagedRecording();
  const gapped = withGaps(plain);
  const { count, time, end } = gapped.steps;
  const those = (step: number) =>
    gapped.work.request.subarray(gapped.work.start[step]!, gapped.work.start[step + 1]!);
  const goesOn = (step: number) => those(step).some(request => those(step + 1).includes(request));

  test('requests of both are what they were', () => {
    const kinds = (recording: Recording) => barsOf(recording).map(bars => bars.map(({ kind }) => kind));
    expect(kinds(gapped)).toEqual(kinds(plain));
  });

  test('what they hold is held, and nobody runs', () => {
    const plot = { left: 0, right: 10_000, top: 0, bottom: 10, from: 0, to: end[count - 1]! };
    const state = stretches(gapped, plot, 'free');
    const work = stretches(gapped, plot, 'duration');
    const x = (at: number) => (at / plot.to) * plot.right;
    let held = 0;
    for (let step = 0; step < count - 1; step++) {
      if (goesOn(step)) held++;
      expect(state[step]!.x1).toBeCloseTo(x(goesOn(step) ? time[step + 1]! : end[step]!), 6);
      expect(work[step]!.x1).toBeCloseTo(x(end[step]!), 6);
    }
    expect(held).toBeGreaterThan(2);
  });

  test('the legend of the timeline counts the step that it names, at its very end, too', () => {
    for (let step = 0; step < count; step++) {
      const { decodeTokens, prefillTokens } = gapped.steps;
      const texts = textsOf(timeline.draw({ ...paneOf(gapped, step), time: end[step]! }, small, light));
      const named = (kind: string) => Number(texts.find(text => text.startsWith(`${kind} `))!.split(' ')[1]);
      expect(named('decode') > 0).toBe(decodeTokens[step]! > 0);
      expect(named('prefill') > 0).toBe(prefillTokens[step]! > 0);
    }
  });
});

describe('views of time', () => {
  const timed = views.filter(({ name }) => name !== 'memory-map' && name !== 'sharing');

  test('share one axis: the same x is the same time', () => {
    const pane = paneOf(pagedRecording(), 4);
    const times = timed.map(one => one.at(pane, small, 222, 100)?.time);
    expect(new Set(times).size).toBe(1);
    expect(times[0]).toBeGreaterThan(0);
  });

  test('a point of the axis is the step that ran then, with its figures', () => {
    const pane = paneOf(pagedRecording(), 4);
    const words = (name: View['name'], x: number) => view(name).at(pane, small, x, 100)!.text;
    expect(words('step-time', 50)).toEqual([
      'step 0 at 0.000 s',
      'took 50.0 ms',
      'bound by arithmetic: 38.0 ms',
      'bound by memory bandwidth: 10.0 ms',
      'overhead: 2.00 ms',
      '14 prefill tokens, 0 decode tokens',
    ]);
    expect(words('memory-over-time', 50)).toContain('token: 14 slots, 35 %');
    expect(words('queue', 50)).toContain('2 requests running, 0 waiting');
    // Between the steps, the engine idles.
    expect(words('step-time', 48 + 390 * (0.25 / 0.39))).toContain('nothing runs');
  });

  test('a peak of one step among thousands is drawn at its height', () => {
    const count = 50_000;
    const paged = pagedRecording();
    const fill = (value: number) => new Float64Array(count).fill(value);
    const usage = { ...paged.steps.usage, token: fill(10), reserved: fill(0), internal: fill(0), external: fill(0), cached: fill(0), free: fill(30) }; // biome-ignore format: rows
    const waiting = new Int32Array(count).fill(3);
    const bandwidth = new Float32Array(count).fill(0.01);
    const [peak, dip] = [30_123, 12_345];
    Object.assign(usage.token, { [peak]: 40, [dip]: 0 });
    Object.assign(usage.free, { [peak]: 0, [dip]: 40 });
    waiting[peak] = 50;
    bandwidth[peak] = 0.2;
    const none = new Int32Array(count);
    const recording: Recording = {
      ...paged,
      requests: [],
      decisions: [],
      steps: { count, time: Float64Array.from({ length: count }, (_, i) => i), end: Float64Array.from({ length: count }, (_, i) => i + 1), running: none, held: none, waiting, prefillTokens: none, decodeTokens: none, compute: new Float32Array(count), overhead: new Float32Array(count), bandwidth, usage }, // biome-ignore format: rows
    };
    const pane = { ...paneOf(paged, 0), recording, window: [0, count] as const };
    const highestPoint = (name: View['name'], color: string) => {
      const shapes = view(name).draw(pane, small, light).marks.flatMap(mark => ((mark.kind === 'area' || mark.kind === 'line') && mark.color === color && mark.points.length > 100 ? [mark.points] : [])); // biome-ignore format: rows
      expect(shapes).toHaveLength(1);
      expect(shapes[0]!.length).toBeLessThan(5000);
      return Math.min(...shapes[0]!.filter((_, i) => i % 2 === 1));
    };
    // The plot is from y = 20 to 220; the axes of counts and times leave a twentieth above.
    expect(highestPoint('memory-over-time', light.kinds.token)).toBeCloseTo(20, 5);
    for (const [
      name,
      color,
    ] of [['queue', light.work.preempted], ['step-time', light.bound.bandwidth]] as const) // biome-ignore format: rows
      expect(highestPoint(name, color)).toBeCloseTo(220 - 200 / 1.05, 1);
  });

  test('figures in the legend are those of the step at the cursor', () => {
    const recording = pagedRecording();
    expect(textsOf(view('queue').draw(paneOf(recording, 5), small, light))).toEqual(
      expect.arrayContaining(['step 5', 'waiting 1', 'running 1', 'held 0']),
    );
    expect(textsOf(view('memory-over-time').draw(paneOf(recording, 4), small, light))).toContain(
      'cached 20 %',
    );
    expect(textsOf(view('step-time').draw(paneOf(recording, 0), small, light))).toContain('compute 38.0');
    expect(textsOf(view('timeline').draw(paneOf(recording, 5), small, light))).toContain('preempted 1');
  });

  test('kinds of memory are stacked up to what they sum to', () => {
    const recording = pagedRecording();
    const areas = view('memory-over-time')
      .draw(paneOf(recording, 4), small, light)
      .marks.flatMap(mark => (mark.kind === 'area' ? [mark] : []));
    const top = (color: string) =>
      Math.min(...areas.find(area => area.color === color)!.points.filter((_, i) => i % 2 === 1));
    const { usage, count } = recording.steps;
    const steps = Array.from({ length: count }, (_, i) => i);
    expect(220 - top(light.kinds.token)).toBeCloseTo((Math.max(...usage.token) / 40) * 200);
    const used = steps.map(step => 40 - usage.free[step]!);
    expect(220 - top(light.kinds.cached)).toBeCloseTo((Math.max(...used) / 40) * 200);
  });
});
