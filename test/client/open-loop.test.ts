import { describe, expect, test } from 'vitest';
import { OpenLoop } from '../../src/client/open-loop.ts';
import { clock, type RequestRecord } from '../../src/client/request-record.ts';
import { sendTimes } from '../../src/client/send-times.ts';
import { gamma } from '../../src/sim/distributions.ts';
import { createRng } from '../../src/sim/rng.ts';
import { record } from './measure.ts';

const requests = (count: number) =>
  Array.from({ length: count }, () => ({ promptTokens: 1, outputTokens: 1, content: 'x' }));

describe('arrivals', () => {
  test.each([0.25, 1, 4])(
    "follow vllm bench serve's rule at burstiness %d: gamma gaps, the last at n / rate",
    shape => {
      const rate = 8;
      const times = sendTimes(requests(500), { rate, burstiness: shape, seed: 3, selfTimed: false });
      const gap = gamma(shape, 1 / (rate * shape), createRng(3, 'arrivals'));
      const sums: number[] = [];
      for (let i = 0; i < 500; i++) sums.push((sums.at(-1) ?? 0) + gap());
      const stretch = 500 / rate / sums.at(-1)!;
      for (const [i, time] of times.entries()) expect(time).toBeCloseTo(sums[i]! * stretch, 9);
      expect(times.at(-1)).toBeCloseTo(500 / rate, 9);
      const gaps = times.map((time, i) => time - (times[i - 1] ?? 0));
      const mean = gaps.reduce((sum, value) => sum + value, 0) / gaps.length;
      const variance = gaps.reduce((sum, value) => sum + (value - mean) ** 2, 0) / gaps.length;
      expect(Math.sqrt(variance) / mean).toBeGreaterThan(0.85 / Math.sqrt(shape));
      expect(Math.sqrt(variance) / mean).toBeLessThan(1.15 / Math.sqrt(shape));
    },
  );

  test("are all at once without a rate, even at infinite burstiness, and the trace's own where asked", () => {
    const of = (rate: number, burstiness: number) =>
      sendTimes(requests(4), { rate, burstiness, seed: 0, selfTimed: false });
    expect(of(Number.POSITIVE_INFINITY, 1)).toEqual([0, 0, 0, 0]);
    expect(of(2, Number.POSITIVE_INFINITY)).toEqual([0.5, 1, 1.5, 2]);
    const timed = requests(2).map((request, i) => ({ ...request, timestamp: 7 * i }));
    expect(sendTimes(timed, { rate: 5, burstiness: 1, seed: 0, selfTimed: true })).toEqual([0, 7]);
    expect(() => sendTimes(requests(1), { rate: 5, burstiness: 1, seed: 0, selfTimed: true })).toThrow(
      /no times/,
    );
  });
});

/** Requests whose answers the test gives. */
function controlled() {
  const sent: { index: number; at: number; answer: (of?: Partial<RequestRecord>) => void }[] = [];
  const send = async (index: number, arrival: number) =>
    await new Promise<RequestRecord>(resolve => {
      const at = clock();
      sent.push({
        index,
        at,
        answer: of => resolve(record({ startTime: at, queueTime: at - arrival, ...of })),
      });
    });
  const until = async (count: number) => {
    while (sent.length < count) await new Promise(resolve => setTimeout(resolve, 1));
  };
  return { sent, send, until };
}

describe('an open loop', () => {
  test('sends at the times, whoever is answered, and counts', async () => {
    const { sent, send, until } = controlled();
    const times = [0, 0, 0.03, 0.06];
    const loop = new OpenLoop({ times, send });
    const start = clock();
    const run = loop.run();
    await until(4);
    sent.forEach(({ at }, i) => {
      expect(at - start).toBeGreaterThan(times[i]! - 0.002);
      expect(at - start).toBeLessThan(times[i]! + 0.5);
    });
    expect(loop).toMatchObject({ done: 0, failed: 0, inFlight: 4 });
    sent[3]!.answer();
    sent[0]!.answer({ success: false, error: 'no' });
    sent[2]!.answer();
    sent[1]!.answer();
    const { records, duration, givenUp } = await run;
    expect(records.map(({ success }) => success)).toEqual([false, true, true, true]);
    expect(loop).toMatchObject({ done: 3, failed: 1, inFlight: 0 });
    expect(givenUp).toBe(0);
    // Timers of Node may fire a millisecond early.
    expect(duration).toBeGreaterThan(0.06 - 0.002);
  });

  test('keeps to the greatest concurrency, in order, and says how long each waited', async () => {
    const { sent, send, until } = controlled();
    const loop = new OpenLoop({ times: [0, 0, 0, 0], send, maxConcurrency: 2 });
    const run = loop.run();
    await until(2);
    expect(loop.inFlight).toBe(2);
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(sent.map(({ index }) => index)).toEqual([0, 1]);
    sent[1]!.answer();
    await until(3);
    sent[0]!.answer({ success: false });
    await until(4);
    expect(sent.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    for (const { answer } of sent.slice(2)) answer();
    const { records } = await run;
    expect(records[0]!.queueTime).toBeLessThan(0.015);
    expect(records[2]!.queueTime).toBeGreaterThan(0.015);
  });

  test('ends at once when it is interrupted, with what was over', async () => {
    const { sent, send, until } = controlled();
    const interrupt = new AbortController();
    const loop = new OpenLoop({ times: [0, 0, 0, 3600], send, signal: interrupt.signal });
    const run = loop.run();
    await until(3);
    sent[1]!.answer();
    while (loop.done < 1) await new Promise(resolve => setImmediate(resolve));
    interrupt.abort();
    // As a client whose connections are gone.
    sent[0]!.answer({ success: false, error: 'interrupted' });
    const { records, givenUp } = await run;
    expect(records).toHaveLength(1);
    expect(givenUp).toBe(2);
    expect(loop.failed).toBe(0);
  });
});
