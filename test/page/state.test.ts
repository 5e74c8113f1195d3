import fc from 'fast-check';
import { expect, test } from 'vitest';
import { policies } from '../../src/core/policies/registry.ts';
import { brushingEdge, clicking, escaping, withSetting } from '../../viz/page/changes.ts';
import { goingTo } from '../../viz/page/cursor.ts';
import { scenarios } from '../../viz/page/scenarios.ts';
import {
  configOf,
  hashOf,
  type PageState,
  speeds,
  startOf,
  startOfStop,
  stateOf,
} from '../../viz/page/state.ts';
import { tours } from '../../viz/page/tours/index.ts';

const name = fc.constantFrom(...policies.map(policy => policy.name));
const time = fc.double({ min: 0, max: 1e4, noNaN: true });
const span = fc
  .tuple(time, time)
  .filter(([from, to]) => from < to)
  .map(([from, to]) => [from, to] as const);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const index = fc.nat(99_999);
const pin = fc.record({
  side: fc.constantFrom('a' as const, 'b' as const),
  pin: fc.oneof(
    index.map(block => ({ kind: 'block' as const, block })),
    index.map(request => ({ kind: 'request' as const, request })),
    index.map(decision => ({ kind: 'decision' as const, decision })),
  ),
});

const free = fc.record({
  tour: fc.constant(undefined),
  scenario: fc.constantFrom(...scenarios.map(scenario => scenario.name)),
  a: name,
  b: maybe(name),
  overrides: fc.record(
    {
      kv_slots: fc.integer({ min: 1, max: 1e6 }),
      request_rate: fc.oneof(fc.constant('inf' as const), fc.double({ min: 0.1, max: 1e3, noNaN: true })),
      model: fc.constant('llama-13b'),
      enforce_eager: fc.boolean(),
      prefix_caching: fc.constantFrom('on' as const, 'off' as const),
      max_tokens: fc.oneof(fc.constant('auto' as const), fc.integer({ min: 1, max: 500 })),
      seed: fc.integer(),
    },
    { requiredKeys: [] },
  ),
  time: maybe(time),
  pin: maybe(pin),
  brush: maybe(span),
  zoom: maybe(span),
  theme: maybe(fc.constantFrom('light' as const, 'dark' as const)),
  speed: fc.constantFrom(...speeds),
  large: maybe(fc.constantFrom('timeline', 'memory-map')),
});

const place = fc
  .constantFrom(...tours)
  .chain(({ name: tour, stops }) => fc.record({ tour: fc.constant(tour), stop: fc.nat(stops.length - 1) }));

/** A stop decides the scenario; all else can be changed there. */
const state: fc.Arbitrary<PageState> = fc.oneof(
  free,
  fc
    .tuple(free, place)
    .map(([changes, tour]) => ({ ...changes, tour, scenario: startOfStop(tour).scenario })),
);

test('an address holds every state', () => {
  fc.assert(
    fc.property(state, before => {
      expect(stateOf(`#${hashOf(before)}`)).toEqual(before);
    }),
  );
});

test('the address of recordings names those, and no scenario', () => {
  const shown = ['mine', 'mine 2'];
  const start = startOf(undefined, shown);
  expect(start).toMatchObject({ a: 'mine', b: 'mine 2' });
  expect(hashOf({ ...start, time: 3 }, shown)).toBe('t=3');
  expect(stateOf('a=mine%202&b=none', shown)).toMatchObject({ a: 'mine 2', b: undefined });
  expect(() => stateOf('a=vllm', shown)).toThrow('a="vllm": expected one of mine, mine 2');
});

test('the address of a stop says what differs from it, and of a place that is none what there is', () => {
  const start = startOfStop({ tour: 'static', stop: 5 });
  expect(start).toMatchObject({ scenario: 'latecomers', a: 'hf-static', b: 'vllm' });
  expect(hashOf(start)).toBe('tour=static&stop=6');
  expect(hashOf({ ...start, b: undefined, overrides: { seed: 7 } })).toBe('tour=static&stop=6&b=none&seed=7');
  expect(stateOf('tour=static')).toEqual(startOfStop({ tour: 'static', stop: 0 }));
  expect(() => stateOf('tour=lunch')).toThrow('tour="lunch": expected one of preallocation, static');
  expect(() => stateOf('tour=static&stop=7')).toThrow('stop="7": expected a number from 1 to 6');
});

test('a setting of a stop is no change of it', () => {
  const stop = tours.find(({ name: of }) => of === 'iteration')!.stops.findIndex(({ config }) => config);
  const start = startOfStop({ tour: 'iteration', stop });
  expect(configOf(start).request_rate).toBe(4);
  const changed = { ...start, ...withSetting(start, 'request_rate', 2) };
  expect(changed.overrides).toEqual({ request_rate: 2 });
  expect(withSetting(changed, 'request_rate', 4)).toEqual({ overrides: {} });
});

test('files are not opened by an address', () => {
  for (const key of ['trace', 'kernels', 'profile', 'policy']) {
    expect(() => stateOf(`${key}=x`)).toThrow('there is no such control');
  }
});

test('a length of one’s own takes the place of the data set’s, the other stays at its mean', () => {
  const burst = {
    ...startOf(scenarios.find(({ name: of }) => of === 'burst')),
    overrides: { output_len: 50 },
  };
  expect(configOf(burst)).toMatchObject({ workload: 'lognormal', input_len: 161, output_len: 50 });
  expect(configOf({ ...burst, overrides: {} })).toMatchObject({ workload: 'sharegpt' });
  expect(configOf({ ...burst, overrides: {} })).not.toHaveProperty('input_len');
});

test('a setting back where the scenario has it leaves the address', () => {
  const start = startOf();
  const changed = { ...start, ...withSetting(start, 'seed', 7) };
  expect(changed.overrides).toEqual({ seed: 7 });
  expect(withSetting(changed, 'seed', 0)).toEqual({ overrides: {} });
  expect(withSetting(changed, 'seed', undefined)).toEqual({ overrides: {} });
});

test('a click on a block pins and unpins it; on a time axis it only ever pins', () => {
  const start = startOf();
  const block = { text: [], pin: { kind: 'block', block: 3 } } as const;
  const once = { ...start, ...clicking(start, 'b', block) };
  expect(once.pin).toEqual({ side: 'b', pin: block.pin });
  expect(clicking(once, 'b', block)).toEqual({ pin: undefined });
  expect(clicking(once, 'a', block)).toEqual({ pin: { side: 'a', pin: block.pin } });
  const bar = { text: [], time: 2, pin: { kind: 'request', request: 3 } } as const;
  const pinned = { ...start, ...clicking(start, 'b', bar) };
  expect(clicking(pinned, 'b', bar)).toEqual({ pin: pinned.pin });
  expect(clicking(pinned, 'b', { text: [], time: 2 })).toEqual({});
});

test('edges of the window: past the other end, that one goes back to the run’s', () => {
  const start: PageState = { ...startOf(), brush: [2, 4] };
  expect(brushingEdge(start, 'from', 3, [0, 10])).toEqual({ brush: [3, 4] });
  expect(brushingEdge(start, 'from', 5, [0, 10])).toEqual({ brush: [5, 10] });
  expect(brushingEdge(start, 'to', 1, [0, 10])).toEqual({ brush: [0, 1] });
  expect(brushingEdge(start, 'to', 0, [0, 10])).toEqual({});
});

test('escape lets go of one thing after the other', () => {
  const all: PageState = {
    ...startOf(),
    pin: { side: 'a', pin: { kind: 'block', block: 1 } },
    large: 'timeline',
    brush: [1, 2],
    zoom: [1, 2],
  };
  const one = { ...all, ...escaping(all) };
  expect(one).toMatchObject({ pin: undefined, large: 'timeline', brush: [1, 2] });
  const two = { ...one, ...escaping(one) };
  expect(two).toMatchObject({ large: undefined, brush: [1, 2] });
  expect({ ...two, ...escaping(two) }).toMatchObject({ brush: undefined, zoom: undefined });
});

test('a zoomed window follows the cursor, and stays in the run', () => {
  fc.assert(
    fc.property(span, span, fc.double({ min: 0, max: 1, noNaN: true }), (zoom, outer, share) => {
      const extent = [Math.min(zoom[0], outer[0]), Math.max(zoom[1], outer[1])] as const;
      const at = extent[0] + share * (extent[1] - extent[0]);
      const change = goingTo({ ...startOf(), zoom }, at, extent);
      const [from, to] = change.zoom ?? zoom;
      const slack = 1e-9 * extent[1];
      expect(change.time).toBe(at);
      expect(at).toBeGreaterThanOrEqual(from - slack);
      expect(at).toBeLessThanOrEqual(to + slack);
      expect(from).toBeGreaterThanOrEqual(extent[0] - slack);
      expect(to).toBeLessThanOrEqual(extent[1] + slack);
      expect(to - from).toBeCloseTo(zoom[1] - zoom[0], 6);
    }),
  );
});
