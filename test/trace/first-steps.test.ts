import fc from 'fast-check';
import { expect, test } from 'vitest';
import { firstSteps } from '../../src/trace/first-steps.ts';
import { perfettoTrace } from '../../src/trace/perfetto.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { decodeRecordings, encodeRecordings } from '../../src/trace/recording-file.ts';
import { Replay } from '../../src/trace/replay.ts';
import { recorded, recordingArbitrary } from './runs.ts';

const cutArbitrary = () => fc.tuple(recordingArbitrary(), fc.double({ min: 0, max: 1, noNaN: true }));

/** At least one step, for a recording without any shows nothing. */
async function cutOf(make: () => Promise<Recording>, share: number) {
  const whole = await make();
  const count = Math.max(1, Math.floor(share * whole.steps.count));
  return { whole, count, cut: firstSteps(whole, count) };
}

test('of any run: its steps, and memory at them, are those of the whole', async () => {
  await fc.assert(
    fc.asyncProperty(cutArbitrary(), async ([make, share]) => {
      const { whole, count, cut } = await cutOf(make, share);
      if (whole.steps.count === 0) return;
      expect(cut.steps.count).toBe(Math.min(count, whole.steps.count));
      const replays = [new Replay(whole), new Replay(cut)] as const;
      for (const step of [0, Math.floor(cut.steps.count / 2), cut.steps.count - 1]) {
        // What an owner will never fill is known when it ends: for some, that was cut away.
        const [expected, found] = replays.map(replay => {
          const { unused: _, ...state } = structuredClone(replay.stateAt(step));
          return state;
        });
        expect(found).toEqual(expected);
        expect(cut.steps.end[step]).toBe(whole.steps.end[step]);
      }
      // Whatever names a request names one that is there.
      const last = cut.requests.length - 1;
      expect(Math.max(-1, ...cut.work.request)).toBeLessThanOrEqual(last);
      expect(Math.max(-1, ...cut.blocks.owner)).toBeLessThanOrEqual(last);
      expect(Math.max(-1, ...cut.tables.request)).toBeLessThanOrEqual(last);
    }),
    { numRuns: 60 },
  );
});

test('of any run: a request is as it was then', async () => {
  await fc.assert(
    fc.asyncProperty(cutArbitrary(), async ([make, share]) => {
      const { whole, cut } = await cutOf(make, share);
      if (cut === whole) return;
      const until = cut.steps.end[cut.steps.count - 1]!;
      for (const [i, request] of cut.requests.entries()) {
        const { admitted, firstToken, finished, end, outputTokens } = request;
        for (const time of [admitted, firstToken, finished]) expect(time > until).toBe(false);
        expect(finished >= 0).toBe(end === 'finished');
        if (end === 'finished') expect(request).toEqual(whole.requests[i]);
        if (end === 'running') expect(outputTokens > 0).toBe(firstToken >= 0);
        expect(outputTokens).toBeLessThanOrEqual(whole.requests[i]!.outputTokens);
      }
    }),
    { numRuns: 60 },
  );
});

test('of any run: it can be written, read and traced', async () => {
  await fc.assert(
    fc.asyncProperty(cutArbitrary(), async ([make, share]) => {
      const { cut } = await cutOf(make, share);
      if (cut.requests.length === 0) return;
      const [read] = await decodeRecordings(await encodeRecordings([cut]), 'cut');
      expect(numbersOf(read)).toEqual(numbersOf(cut));
      expect(() => JSON.parse([...perfettoTrace([cut])].join(''))).not.toThrow();
    }),
    { numRuns: 30 },
  );
});

test('tokens so far grow by one a step of decode', async () => {
  const whole = await recorded({ workload: 'fixed', num_prompts: 1, input_len: 50, output_len: 9 }, 'vllm');
  const outputs = Array.from({ length: 9 }, (_, i) => firstSteps(whole, i + 1).requests[0]!.outputTokens);
  expect(whole.steps.count).toBe(9);
  expect(outputs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('as many steps as there are, or more, is the recording itself', async () => {
  const whole = await recorded({ num_prompts: 3 }, 'vllm');
  expect(firstSteps(whole, whole.steps.count)).toBe(whole);
  expect(firstSteps(whole, 1e9)).toBe(whole);
});

/** Columns as what they say: they are read into as few bytes as the numbers take. */
function numbersOf(part: unknown): unknown {
  if (ArrayBuffer.isView(part)) return [...(part as Int32Array)];
  if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
  return Object.fromEntries(Object.entries(part).map(([name, value]) => [name, numbersOf(value)]));
}
