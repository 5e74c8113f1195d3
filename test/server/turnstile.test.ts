import { expect, test } from 'vitest';
import { Turnstile } from '../../src/server/turnstile.ts';
import { ok, testServer, until } from './serving.ts';

/** Counts turns of the event loop until it is told to stop. */
function countTurns(): { readonly turns: number; stop(): void } {
  const counted = { turns: 0, stop: () => clearImmediate(next) };
  let next = setImmediate(function turn() {
    counted.turns++;
    next = setImmediate(turn);
  });
  return counted;
}

test('one a turn of the event loop, in order', async () => {
  const turnstile = new Turnstile();
  const through: (readonly [who: number, turn: number])[] = [];
  const counted = countTurns();
  for (let who = 0; who < 20; who++) {
    void turnstile.pass().then(() => through.push([who, counted.turns]));
  }
  await until(() => through.length === 20, 'all are through');
  counted.stop();
  expect(through.map(([who]) => who)).toEqual(Array.from({ length: 20 }, (_, who) => who));
  expect(new Set(through.map(([, turn]) => turn)).size).toBe(20);
});

test('who comes alone passes at once, also after others', async () => {
  const turnstile = new Turnstile();
  for (let i = 0; i < 2; i++) {
    const counted = countTurns();
    await turnstile.pass();
    expect(counted.turns).toBe(0);
    counted.stop();
    await Promise.all([turnstile.pass(), turnstile.pass()]);
    // It turns once more for whoever may come.
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)));
  }
});

test.each(['/v1/completions', '/tokenize'])(
  'requests to %s that come at once are looked at in turns of their own',
  async path => {
    const { app } = testServer();
    const counted = countTurns();
    const body = { prompt: 'Once upon a time', ...(path !== '/tokenize' && { max_tokens: 1 }) };
    await Promise.all(Array.from({ length: 60 }, () => ok(app, path, body)));
    counted.stop();
    // As many as there are gaps between them.
    expect(counted.turns).toBeGreaterThanOrEqual(59);
  },
);
