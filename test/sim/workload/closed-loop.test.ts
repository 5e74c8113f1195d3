import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { type ClosedLoopOptions, closedLoopWorkload } from '../../../src/sim/workload/closed-loop.ts';
import type { Arrival } from '../../../src/sim/workload/workload.ts';
import { play } from './play.ts';

const OPTIONS: ClosedLoopOptions = {
  name: 'test',
  users: 8,
  thinkTime: 2,
  requests: { perUser: 50 },
  lengths: { kind: 'sharegpt' },
  seed: 3,
  content: true,
};
const run = (change: Partial<ClosedLoopOptions> = {}, service: (a: Arrival) => number = () => 1) =>
  play(closedLoopWorkload({ ...OPTIONS, ...change }), service);
const sizes = (all: readonly Arrival[], session: number) =>
  all.filter(a => a.session === session).map(a => [a.promptTokens, a.outputTokens[0]]);

test('each user sends as many as asked, never two at a time', () => {
  const all = run();
  expect(all.length).toBe(400);
  for (let user = 0; user < 8; user++) {
    const own = all.filter(a => a.session === user);
    expect(own.length).toBe(50);
    own.slice(1).forEach((a, i) => {
      expect(a.arrival).toBeGreaterThanOrEqual(own[i]!.arrival + 1);
    });
  }
});

test('a total is shared out evenly', () => {
  const all = run({ requests: { total: 27 } });
  expect(all.length).toBe(27);
  expect(closedLoopWorkload({ ...OPTIONS, requests: { total: 27 } }).count).toBe(27);
  expect(sizes(all, 2).length).toBe(4);
  expect(sizes(all, 3).length).toBe(3);
  expect(run({ requests: { total: 3 } }).length).toBe(3);
});

test('users think for the mean asked, and not at all when it is 0', () => {
  const all = run({ requests: { perUser: 2000 } });
  const own = all.filter(a => a.session === 0);
  expect((own.at(-1)!.arrival / own.length - 1) / 2).toBeCloseTo(1, 1);
  const eager = run({ thinkTime: 0 });
  expect(eager.filter(a => a.session === 0).map(a => a.arrival)).toEqual(
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test('what a user sends does not depend on who finishes first', () => {
  const slowFirst = run({}, a => (a.session! < 4 ? 9 : 1));
  const slowLast = run({}, a => (a.session! < 4 ? 0.1 : 7));
  for (let user = 0; user < 8; user++) expect(sizes(slowFirst, user)).toEqual(sizes(slowLast, user));
});

test('two simulations may share a workload: it keeps no state, and takes copies', () => {
  const workload = closedLoopWorkload(OPTIONS);
  const [first] = [...(workload.chunks() as Iterable<readonly Arrival[]>)].flat();
  const once = workload.onFinished!({ arrival: first!, finishedAt: 5 })!;
  const again = workload.onFinished!({ arrival: { ...first! }, finishedAt: 5 })!;
  expect({ ...again, tokens: null }).toEqual({ ...once, tokens: null });
  expect(() =>
    workload.onFinished!({ arrival: { arrival: 0, promptTokens: 1, outputTokens: [1] }, finishedAt: 1 }),
  ).toThrow(/not one of this workload/);
});

test('contents are all different', () => {
  expect(new Set(run().map(a => a.tokens!.at(0))).size).toBe(400);
  expect(run({ content: false }).every(a => a.tokens === undefined)).toBe(true);
});

test.each<[Partial<ClosedLoopOptions>, string]>([
  [{ users: 0 }, 'users must be a whole number of at least 1, not 0'],
  [{ thinkTime: -1 }, 'thinkTime must be a number of at least 0, not -1'],
  [{ requests: { perUser: 0 } }, 'requests.perUser must be a whole number of at least 1, not 0'],
  [{ requests: { total: 0.5 } }, 'requests.total must be a whole number of at least 1, not 0.5'],
])('%j is refused', (change, message) => {
  expect(() => closedLoopWorkload({ ...OPTIONS, ...change })).toThrow(new UsageError(message));
});
