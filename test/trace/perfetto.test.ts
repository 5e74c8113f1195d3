import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { slotKinds } from '../../src/core/kv-memory.ts';
import { perfettoTrace } from '../../src/trace/perfetto.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { recorded, recordingArbitrary } from './runs.ts';

interface TraceEvent {
  readonly ph: string;
  readonly pid: number;
  readonly tid?: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly name: string;
  readonly cat?: string;
  readonly id?: number;
  readonly id2?: { readonly local: string };
  readonly args?: Readonly<Record<string, unknown>>;
}

function eventsOf(recordings: readonly Recording[]): TraceEvent[] {
  return JSON.parse([...perfettoTrace(recordings)].join('')).traceEvents;
}

const nanoseconds = (microseconds: number | undefined) => Math.round(microseconds! * 1000);

function byTrack(events: readonly TraceEvent[]): Map<string, TraceEvent[]> {
  const tracks = new Map<string, TraceEvent[]>();
  for (const event of events) {
    const key = `${event.pid}/${event.tid}`;
    const track = tracks.get(key);
    if (track) track.push(event);
    else tracks.set(key, [event]);
  }
  return tracks;
}

/** Perfetto drops or misplaces slices that overlap without one being inside the other. */
function expectNesting(slices: readonly TraceEvent[]): void {
  const sorted = [...slices].sort(
    (a, b) => nanoseconds(a.ts) - nanoseconds(b.ts) || nanoseconds(b.dur) - nanoseconds(a.dur),
  );
  const ends: number[] = [];
  for (const { ts, dur, name } of sorted) {
    const [from, to] = [nanoseconds(ts), nanoseconds(ts) + nanoseconds(dur)];
    while (ends.length > 0 && ends.at(-1)! <= from) ends.pop();
    if (ends.length > 0 && to > ends.at(-1)!) expect.unreachable(`${name} at ${ts} ends after what it is in`);
    ends.push(to);
  }
}

function expectPairs(events: readonly TraceEvent[]): void {
  const open = new Map<string, TraceEvent>();
  for (const event of events.filter(({ ph }) => ph === 'b' || ph === 'e')) {
    const key = `${event.pid} ${event.cat} ${event.name} ${event.id2!.local}`;
    const begin = open.get(key);
    if (event.ph === 'b') {
      expect(begin, key).toBeUndefined();
      open.set(key, event);
    } else {
      expect(nanoseconds(event.ts), key).toBeGreaterThan(nanoseconds(begin!.ts));
      open.delete(key);
    }
  }
  expect([...open.keys()]).toEqual([]);
}

/** Each arrow leaves a slice of the request that was preempted, and arrives at its next one. */
function expectFlows(events: readonly TraceEvent[]): void {
  const slices = events.filter(({ ph }) => ph === 'X');
  const at = ({ pid, tid, ts }: TraceEvent) =>
    slices.find(
      slice =>
        slice.pid === pid &&
        slice.tid === tid &&
        nanoseconds(slice.ts) <= nanoseconds(ts) &&
        nanoseconds(ts) < nanoseconds(slice.ts) + nanoseconds(slice.dur),
    );
  const starts = new Map(events.filter(({ ph }) => ph === 's').map(event => [event.id, event]));
  for (const end of events.filter(({ ph }) => ph === 'f')) {
    const start = starts.get(end.id);
    // One that was preempted in the step that admitted it had no slice to start from.
    if (!start) continue;
    const [from, to] = [at(start), at(end)];
    expect(from!.name.split(' ').at(-1)).toBe(to!.name.split(' ').at(-1));
    expect(start.pid).toBe(end.pid);
    expect(nanoseconds(start.ts)).toBeLessThan(nanoseconds(end.ts));
  }
}

describe('a trace for Perfetto', () => {
  test('of any run: slices nest, tracks are named, counters are there, what begins ends', async () => {
    await fc.assert(
      fc.asyncProperty(recordingArbitrary(), async make => {
        const recording = await make();
        const events = eventsOf([recording]);
        const slices = events.filter(({ ph }) => ph === 'X');
        expect(slices.filter(({ dur }) => !(nanoseconds(dur) > 0))).toEqual([]);
        for (const track of byTrack(slices).values()) expectNesting(track);
        expectPairs(events);
        expectFlows(events);
        const named = new Set(
          events.filter(({ name }) => name === 'thread_name').map(({ pid, tid }) => `${pid}/${tid}`),
        );
        const unnamed = events.filter(
          ({ pid, tid, ph }) => tid !== undefined && ph !== 'M' && !named.has(`${pid}/${tid}`),
        );
        expect(unnamed).toEqual([]);
        const memory = events.filter(({ ph, name }) => ph === 'C' && name === 'KV slots');
        expect(memory.length > 0).toBe(recording.steps.count > 0);
        const slots = memory.map(({ args }) => slotKinds.reduce((sum, kind) => sum + Number(args![kind]), 0));
        expect(slots.filter(all => !(Math.abs(all - recording.memory.capacity) < 1e-6))).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  test('of any run: slices of the lanes hold all the tokens and the time of the steps', async () => {
    await fc.assert(
      fc.asyncProperty(recordingArbitrary(), async make => {
        const recording = await make();
        const { steps, work } = recording;
        const events = eventsOf([recording]).filter(({ ph, cat }) => ph === 'X' && cat !== 'step');
        const tokens = (kind: string) =>
          events
            .filter(({ cat }) => cat === kind)
            .reduce((sum, { args }) => sum + (args!['tokens'] as number), 0);
        const sum = (column: Int32Array) => column.reduce((total, count) => total + count, 0);
        expect(tokens('prefill')).toBe(sum(steps.prefillTokens));
        expect(tokens('decode')).toBe(sum(steps.decodeTokens));
        // A request is on a lane exactly in the steps in which it works.
        let worked = 0;
        for (let step = 0; step < steps.count; step++) {
          const who = new Set(work.request.subarray(work.start[step]!, work.start[step + 1]!));
          worked += who.size * (Math.round(steps.end[step]! * 1e9) - Math.round(steps.time[step]! * 1e9));
        }
        // Steps follow one another without a gap within a slice.
        expect(events.reduce((total, { dur }) => total + nanoseconds(dur), 0)).toBe(worked);
      }),
      { numRuns: 60 },
    );
  });

  // In vllm-v0 decodes pause while prompts are computed.
  test.each(['vllm', 'vllm-v0'])(
    '%s: a request keeps its lane, and the lowest free lane is taken',
    async policy => {
      const load = { num_prompts: 30, request_rate: 3, kv_slots: 20_000, max_num_seqs: 8 };
      const recording = await recorded(load, policy);
      const slices = eventsOf([recording]).filter(({ ph, cat }) => ph === 'X' && cat !== 'step');
      const lanes = new Map<string, Set<number>>();
      for (const { name, tid } of slices) {
        const request = name.split(' ').at(-1)!;
        lanes.set(request, (lanes.get(request) ?? new Set()).add(tid!));
      }
      expect(lanes.size).toBe(30);
      for (const [request, used] of lanes) expect(used.size, request).toBe(1);
      expect(new Set(slices.map(({ tid }) => tid))).toEqual(new Set([10, 11, 12, 13, 14, 15, 16, 17]));
    },
  );

  test('a preemption stops a slice, says why, and an arrow leads to where the request goes on', async () => {
    const recording = await recorded({ num_prompts: 40, kv_slots: 3000 }, 'vllm');
    const events = eventsOf([recording]);
    const preempted = recording.requests.reduce((sum, { preemptions }) => sum + preemptions, 0);
    expect(preempted).toBeGreaterThan(5);
    expect(events.filter(({ ph }) => ph === 's')).toHaveLength(preempted);
    expect(events.filter(({ ph }) => ph === 'f')).toHaveLength(preempted);
    const waits = events.filter(({ ph, cat }) => ph === 'b' && cat === 'preempted');
    expect(waits).toHaveLength(preempted);
    for (const { args } of waits) expect(args!['reason']).toMatch(/needs \d+ block/);
  });

  test('a static batch holds rows that have ended', async () => {
    const recording = await recorded({ num_prompts: 20 }, 'hf-static');
    const events = eventsOf([recording]);
    expect(events.some(({ cat }) => cat === 'held')).toBe(true);
    expect(events.some(({ ph, name }) => ph === 'i' && name.startsWith('blocked'))).toBe(true);
  });

  test('runs beside each other: a process each, and no arrow between them', async () => {
    const config = { num_prompts: 40, kv_slots: 3000 };
    const events = eventsOf([await recorded(config, 'vllm'), await recorded(config, 'vllm-v0')]);
    const names = events
      .filter(({ name }) => name === 'process_name')
      .map(({ pid, args }) => [pid, args!['name']]);
    expect(names).toEqual([
      [1, 'vllm'],
      [2, 'vllm-v0'],
    ]);
    expectFlows(events);
    const ids = (pid: number) =>
      events.filter(event => event.pid === pid && event.ph === 's').map(({ id }) => id);
    expect(ids(1).filter(id => ids(2).includes(id))).toEqual([]);
  });

  test('no run at all is a trace without events', () => {
    expect(eventsOf([])).toEqual([]);
  });

  test('comes in pieces', async () => {
    const recording = await recorded({ num_prompts: 100 }, 'vllm');
    const pieces = [...perfettoTrace([recording])];
    expect(pieces.length).toBeGreaterThan(3);
    for (const piece of pieces) expect(piece.length).toBeLessThan(80_000);
  });
});
