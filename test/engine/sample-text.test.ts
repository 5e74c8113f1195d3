import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SampleText } from '../../src/engine/sample-text.ts';

/** One character a token; the last push may hold back, as half a character does. */
const letters = {
  push: (id: number) => 'abc'[id]!,
  flush: () => '',
};

test('the text ends where the first stop string begins, however it comes', () => {
  const letter = fc.integer({ min: 0, max: 2 });
  const stop = fc.array(letter, { minLength: 1, maxLength: 4 }).map(ids => ids.map(id => 'abc'[id]).join(''));
  let stopped = 0;
  fc.assert(
    fc.property(fc.array(letter, { maxLength: 30 }), fc.array(stop, { maxLength: 3 }), (ids, stops) => {
      const text = new SampleText(letters, stops);
      const whole = ids.map(id => 'abc'[id]).join('');
      let given = '';
      let found: string | undefined;
      let length = 0;
      for (const id of ids) {
        length++;
        found = text.push(id, true);
        given += text.take();
        if (found) break;
        // What was given out is never taken back.
        expect(whole.startsWith(given)).toBe(true);
      }
      text.end();
      given += text.take();
      const ends = stops
        .map(stop => whole.indexOf(stop) + stop.length)
        .filter((_, i) => whole.includes(stops[i]!));
      if (ends.length === 0) {
        expect(found).toBeUndefined();
        expect(given).toBe(whole);
      } else {
        stopped++;
        const end = Math.min(...ends);
        expect(length).toBe(end);
        const complete = stops.filter(stop => whole.slice(0, end).endsWith(stop));
        expect(complete).toContain(found);
        expect(found!.length).toBe(Math.max(...complete.map(stop => stop.length)));
        expect(given).toBe(whole.slice(0, end - found!.length));
      }
      expect(text.text).toBe(given);
    }),
    { numRuns: 500 },
  );
  expect(stopped).toBeGreaterThan(100);
});

test('what may be the beginning of a stop string is held back until it is known', () => {
  const text = new SampleText(letters, ['abc']);
  text.push(0, true);
  text.push(1, true);
  expect(text.take()).toBe('');
  text.push(1, true);
  expect(text.take()).toBe('a');
  text.end();
  expect(text.take()).toBe('bb');
});

test('before min_tokens nothing is searched, not even what then becomes complete', () => {
  const text = new SampleText(letters, ['ab']);
  expect(text.push(0, false)).toBeUndefined();
  expect(text.push(1, false)).toBeUndefined();
  expect(text.push(2, true)).toBeUndefined();
  expect(text.push(0, true)).toBeUndefined();
  expect(text.push(1, true)).toBe('ab');
  expect(text.text).toBe('abc');
});

test('the rest of an incomplete character comes at the end', () => {
  const text = new SampleText({ push: () => '', flush: () => '\uFFFD' }, []);
  text.push(0, true);
  expect(text.take()).toBe('');
  text.end();
  expect(text.take()).toBe('\uFFFD');
});
