import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Recording } from '../../src/trace/recording.ts';
import { extremesIn, highestOf } from '../../viz/views/peaks.ts';
import { firstWhere, stretches } from '../../viz/views/steps.ts';
import { pagedRecording } from './support.ts';

/** A run of steps that say nothing but how many requests ran in each. */
function runOf(running: readonly number[]): Recording {
  const recording = pagedRecording();
  const count = running.length;
  const column = () => new Float64Array(count);
  const usage = { token: column(), reserved: column(), internal: column(), external: column(), cached: column(), free: column() }; // biome-ignore format: one line
  const none = new Int32Array(count);
  const time = Float64Array.from(running, (_, step) => step);
  const end = time.map(begin => begin + 1);
  const seconds = new Float32Array(count);
  const steps = { count, time, end, running: Int32Array.from(running), waiting: none, held: none, prefillTokens: none, decodeTokens: none, compute: seconds, bandwidth: seconds, overhead: seconds, usage }; // biome-ignore format: one line
  return { ...recording, steps };
}

const run = fc.array(fc.nat(20), { minLength: 1, maxLength: 400 });

test('extremes of any stretch are those of its steps, the first of equals', () => {
  fc.assert(
    fc.property(run, fc.nat(), fc.nat(), (running, one, other) => {
      const [from, last] = [one % running.length, other % running.length].sort((a, b) => a - b);
      const part = running.slice(from, last! + 1);
      const recording = runOf(running);
      expect(extremesIn(recording, 'running', from!, last! + 1)).toEqual({
        lowest: from! + part.indexOf(Math.min(...part)),
        highest: from! + part.indexOf(Math.max(...part)),
      });
      expect(highestOf(recording, 'running')).toBe(Math.max(...running));
    }),
  );
});

test('no peak of a long run is lost where many steps share a pixel', () => {
  fc.assert(
    fc.property(run, running => {
      const plot = { left: 0, right: 10, top: 0, bottom: 10, from: 0, to: running.length };
      const drawn = stretches(runOf(running), plot, 'running').map(({ step }) => running[step]!);
      expect([Math.min(...drawn), Math.max(...drawn)]).toEqual([Math.min(...running), Math.max(...running)]);
    }),
  );
});

test('the first of which something holds is found', () => {
  fc.assert(
    fc.property(fc.nat(300), fc.nat(300), fc.nat(700), (from, length, at) => {
      const found = firstWhere(from, from + length, step => step >= at);
      expect(found).toBe(Math.min(from + length, Math.max(from, at)));
    }),
  );
});
