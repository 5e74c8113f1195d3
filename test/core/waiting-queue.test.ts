import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Request } from '../../src/core/request.ts';
import { type Compare, WaitingQueue } from '../../src/core/waiting-queue.ts';
import { makeRequest } from '../support/requests.ts';

const byPriority: Compare = (a, b) => a.priority - b.priority;
const byPrompt: Compare = (a, b) => a.promptTokens - b.promptTokens;

/** The naive model: an array, head first. With an order, an entry goes behind all that rank the same or better. */
class Model {
  items: Request[] = [];
  readonly compare: Compare | undefined;

  constructor(compare: Compare | undefined) {
    this.compare = compare;
  }

  insert(request: Request, unordered: 'head' | 'tail') {
    const { compare } = this;
    if (compare) {
      const behind = this.items.findIndex(item => compare(item, request) > 0);
      this.items.splice(behind < 0 ? this.items.length : behind, 0, request);
    } else if (unordered === 'head') this.items.unshift(request);
    else this.items.push(request);
  }
}

type Step =
  | { do: 'push' | 'pushFront'; priority: number; prompt: number }
  | { do: 'shift' }
  | { do: 'remove'; at: number }
  | { do: 'removeStranger' }
  | { do: 'arrange' };

function play(queue: WaitingQueue, model: Model, step: Step): void {
  switch (step.do) {
    case 'push':
    case 'pushFront': {
      const request = makeRequest(step.prompt, { priority: step.priority });
      queue[step.do](request);
      model.insert(request, step.do === 'push' ? 'tail' : 'head');
      break;
    }
    case 'shift':
      expect(queue.shift()).toBe(model.items.shift());
      break;
    case 'remove': {
      const [request] = model.items.splice(step.at % Math.max(1, model.items.length), 1);
      if (request) expect(queue.remove(request)).toBe(true);
      break;
    }
    case 'removeStranger':
      expect(queue.remove(makeRequest(1))).toBe(false);
      break;
    case 'arrange':
      queue.arrange(model.compare ?? byPrompt);
      model.items = model.items.toSorted(model.compare ?? byPrompt);
      break;
    default:
      step satisfies never;
  }
}

function expectSame(queue: WaitingQueue, model: Model): void {
  expect(queue.size).toBe(model.items.length);
  expect(queue.peek()).toBe(model.items[0]);
  expect([...queue].map(request => request.id)).toEqual(model.items.map(request => request.id));
}

const entry = { priority: fc.integer({ min: 0, max: 3 }), prompt: fc.integer({ min: 1, max: 4 }) };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constantFrom('push' as const, 'push' as const, 'pushFront' as const), ...entry }),
    fc.record({ do: fc.constant('shift' as const) }),
    fc.record({ do: fc.constant('remove' as const), at: fc.nat(50) }),
    fc.record({ do: fc.constantFrom('removeStranger' as const, 'arrange' as const) }),
  ),
  { maxLength: 80 },
);

test.each([
  ['first come, first served', undefined],
  ['ordered', byPriority],
])('invariants 20, 21: %s, the queue does what an array would', (_name, compare) => {
  fc.assert(
    fc.property(steps, steps => {
      const queue = new WaitingQueue(compare);
      const model = new Model(compare);
      for (const step of steps) {
        play(queue, model, step);
        expectSame(queue, model);
      }
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['first come, first served', undefined],
  ['ordered', byPriority],
])('invariant 17: %s, nobody is lost or doubled when a long queue is compacted', (_name, compare) => {
  fc.assert(
    fc.property(fc.integer({ min: 1026, max: 2200 }), fc.nat(30), steps, (shifts, rest, steps) => {
      const queue = new WaitingQueue(compare);
      const model = new Model(compare);
      const push = (i: number) =>
        play(queue, model, { do: 'push', priority: compare ? Math.floor(i / 100) : 0, prompt: 1 });
      // Around the point where the head is more than half of the array, and across it.
      for (let i = 0; i < shifts + rest; i++) push(i);
      for (let i = 0; i < shifts; i++) play(queue, model, { do: 'shift' });
      expectSame(queue, model);
      for (const step of steps) play(queue, model, step);
      expectSame(queue, model);
    }),
    { numRuns: 10 },
  );
});

test('a queue in steady state is compacted again and again and keeps its order', () => {
  const queue = new WaitingQueue();
  const model = new Model(undefined);
  for (let i = 0; i < 7000; i++) {
    play(queue, model, { do: 'push', priority: 0, prompt: 1 });
    if (i % 50 !== 0) play(queue, model, { do: 'shift' });
    if (i % 97 === 0) play(queue, model, { do: 'pushFront', priority: 0, prompt: 1 });
    if (i % 500 === 0) expectSame(queue, model);
  }
  expectSame(queue, model);
  while (model.items.length > 0) play(queue, model, { do: 'shift' });
  expect(queue.shift()).toBeUndefined();
  expect(queue.size).toBe(0);
});

test('pushFront puts back at the head, whether or not somebody was shifted before', () => {
  const [a, b, c] = [makeRequest(1), makeRequest(1), makeRequest(1)];
  const queue = new WaitingQueue();
  queue.push(a);
  queue.pushFront(b);
  expect([...queue]).toEqual([b, a]);
  queue.shift();
  queue.pushFront(c);
  queue.pushFront(b);
  expect([...queue]).toEqual([b, c, a]);
});

test('invariant 21: with an order a returning request keeps only the rank that the order gives it', () => {
  const [low, high, returning] = [2, 0, 1].map(priority => makeRequest(1, { priority }));
  const queue = new WaitingQueue(byPriority);
  queue.push(low!);
  queue.push(high!);
  queue.pushFront(returning!);
  expect([...queue]).toEqual([high, returning, low]);
});
