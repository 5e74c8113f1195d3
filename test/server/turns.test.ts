import { expect, test } from 'vitest';
import { Turns } from '../../src/server/turns.ts';
import { until } from './serving.ts';

/** Keeps the event loop to itself. */
function busy(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

test('all is done, in order, and others have their turn in between', async () => {
  const turns = new Turns();
  const done: number[] = [];
  let others = 0;
  const other = () => {
    others++;
    if (done.length < 200) setImmediate(other);
  };
  for (let i = 0; i < 200; i++) {
    turns.add(() => {
      busy(0.5);
      done.push(i);
      // What comes meanwhile comes after.
      if (i === 50) turns.add(() => done.push(1000));
    });
  }
  expect(done.length).toBeLessThan(200);
  other();
  await until(() => done.length === 201, 'all is done');
  expect(done).toEqual([...Array.from({ length: 200 }, (_, i) => i), 1000]);
  // A hundred milliseconds in slices of two.
  expect(others).toBeGreaterThan(20);
});

test('what comes alone is done at once', () => {
  const turns = new Turns();
  let done = false;
  turns.add(() => {
    done = true;
  });
  expect(done).toBe(true);
});
