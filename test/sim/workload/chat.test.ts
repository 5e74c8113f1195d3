import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { type ChatOptions, chatWorkload } from '../../../src/sim/workload/chat.ts';
import type { Arrival } from '../../../src/sim/workload/workload.ts';
import { play } from './play.ts';

const OPTIONS: ChatOptions = {
  name: 'test',
  sessions: 40,
  arrivals: { kind: 'poisson', rate: 1 },
  turns: { kind: 'geometric', mean: 5 },
  thinkTime: 3,
  message: { kind: 'uniform', min: 1, max: 60 },
  output: { kind: 'uniform', min: 1, max: 100 },
  maxContext: 400,
  seed: 7,
};
const run = (change: Partial<ChatOptions> = {}, service: (a: Arrival) => number = () => 1) =>
  play(chatWorkload({ ...OPTIONS, ...change }), service);
const turnsOf = (all: readonly Arrival[], session: number) => all.filter(a => a.session === session);
const text = (a: Arrival, length: number) => Array.from({ length }, (_, i) => a.tokens!.at(i));
const lengths = (all: readonly Arrival[]) => all.map(a => [a.promptTokens, ...a.outputTokens]);

test('a turn begins with all of the turn before, question and answer, word for word', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 50, max: 600 }), (seed, maxContext) => {
      const all = run({
        seed,
        maxContext,
        sessions: 10,
        message: { kind: 'uniform', min: 1, max: 20 },
        output: { kind: 'uniform', min: 1, max: 20 },
      });
      for (let session = 0; session < 10; session++) {
        const turns = turnsOf(all, session);
        turns.slice(1).forEach((turn, k) => {
          const before = turns[k]!;
          const said = before.promptTokens + before.outputTokens[0]!;
          expect(turn.promptTokens).toBeGreaterThan(said);
          expect(text(turn, said)).toEqual(text(before, said));
          expect(turn.arrival).toBeGreaterThanOrEqual(before.arrival + 1);
          expect(turn.promptTokens + turn.outputTokens[0]!).toBeLessThanOrEqual(maxContext);
        });
      }
    }),
    { numRuns: 30 },
  );
});

test('conversations share nothing with each other', () => {
  const firsts = run().filter(a => 'turn' in a && a.turn === 0);
  expect(firsts.length).toBe(40);
  expect(new Set(firsts.map(a => a.tokens!.at(0))).size).toBe(40);
});

test('turns: as many as drawn, cut by the context', () => {
  const roomy = run({ maxContext: 1e6, turns: { kind: 'fixed', value: 6 } });
  expect(roomy.length).toBe(240);
  const tight = run({ turns: { kind: 'fixed', value: 1000 } });
  for (let session = 0; session < 40; session++) {
    const last = turnsOf(tight, session).at(-1)!;
    expect(last.promptTokens + last.outputTokens[0]!).toBeGreaterThan(400 - 160);
  }
  expect(run({ sessions: 2000, maxContext: 1e6 }).length / 2000 / 5).toBeCloseTo(1, 1);
});

test('a session does not depend on when others finish, nor on how many there are', () => {
  const slow = run({}, a => (a.session! % 2 ? 50 : 0.01));
  const more = run({ sessions: 80 });
  const plain = run();
  for (let session = 0; session < 40; session++) {
    expect(lengths(turnsOf(slow, session))).toEqual(lengths(turnsOf(plain, session)));
    expect(lengths(turnsOf(more, session))).toEqual(lengths(turnsOf(plain, session)));
  }
});

test('the same seed, the same conversations', () => {
  const strip = (all: readonly Arrival[]) =>
    all.map(({ tokens, ...rest }) => ({ ...rest, first: tokens!.at(0) }));
  expect(strip(run())).toEqual(strip(run()));
  expect(lengths(run({ seed: 8 }))).not.toEqual(lengths(run()));
});

test('a conversation whose first turn does not fit is left out', () => {
  const all = run({ maxContext: 60, turns: { kind: 'fixed', value: 1 } });
  expect(all.length).toBeLessThan(40);
  expect(all.length).toBeGreaterThan(0);
  expect(() => run({ maxContext: 10, message: { kind: 'fixed', value: 20 } })).toThrow(
    new UsageError("test: no conversation's first message and answer fit in maxContext 10"),
  );
});

test.each<[Partial<ChatOptions>, string]>([
  [{ sessions: 0 }, 'sessions must be a whole number of at least 1, not 0'],
  [{ maxContext: 1 }, 'maxContext must be a whole number of at least 2, not 1'],
  [{ turns: { kind: 'geometric', mean: 0 } }, 'mean must be a number of at least 1, not 0'],
  [{ arrivals: { kind: 'poisson', rate: 0 } }, 'rate must be a number above 0, not 0'],
])('%j is refused', (change, message) => {
  expect(() => chatWorkload({ ...OPTIONS, ...change })).toThrow(new UsageError(message));
});
