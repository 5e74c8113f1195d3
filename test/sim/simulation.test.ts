import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EngineEvent } from '../../src/core/events.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { everyPolicy, named } from '../support/sim-policies.ts';
import { type Playing, play, type SimAsk, type SimScenario, simScenarioArbitrary } from '../support/sim-run.ts';

const policyOf = (name: string) => everyPolicy.find(policy => policy.name === name)!;
const anyPolicy = fc.constantFrom(...everyPolicy.map(policy => policy.name));

/** Every policy plays random scenarios in two ways, and every figure comes out the same. */
function expectSame(a: Playing, b: fc.Arbitrary<Playing>, numRuns: number): void {
  fc.assert(
    fc.property(anyPolicy, simScenarioArbitrary(), b, (name, scenario, other) => {
      const one = play(policyOf(name), scenario, a).json;
      const two = play(policyOf(name), scenario, other).json;
      if (one !== two) expect(JSON.parse(two)).toEqual(JSON.parse(one));
      expect(one === two).toBe(true);
    }),
    { numRuns: numRuns * everyPolicy.length },
  );
}

describe('decodes advanced together give what decodes one by one give, to the last bit', () => {
  test('for every policy and random clients', () => {
    expectSame({ runs: false }, fc.constant({}), 25);
  });
});

describe('the way a simulation is run changes nothing', () => {
  test('27: the same again', () => {
    expectSame({}, fc.constant({}), 3);
  });

  test('in slices of some steps', () => {
    expectSame({}, fc.record({ slice: fc.integer({ min: 1, max: 40 }) }), 6);
  });

  test('with arrivals offered in chunks', () => {
    expectSame({}, fc.record({ chunk: fc.integer({ min: 1, max: 8 }) }), 15);
  });

  test('with a listener that wants detail', () => {
    expectSame({}, fc.constant({ listener: { detail: true, on: () => {} } }), 6);
  });
});
