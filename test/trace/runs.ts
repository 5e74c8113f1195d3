import fc from 'fast-check';
import { policies } from '../../src/core/policies/registry.ts';
import type { Config } from '../../src/sim/config.ts';
import { configDefaults } from '../../src/sim/config.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { record } from '../../src/trace/record.ts';
import type { Recording } from '../../src/trace/recording.ts';

/** A policy of a config, run and recorded. */
export function recorded(config: Config, policy: string): Promise<Recording> {
  const model = findModel(config.model ?? configDefaults.model)!;
  return record(config, policy, { model });
}

/** Small runs of every policy under every kind of load, with memory for a few requests. */
export function recordingArbitrary(): fc.Arbitrary<() => Promise<Recording>> {
  const load = fc.oneof(
    fc.record({
      workload: fc.constantFrom('alpaca' as const, 'lognormal' as const, 'shared-prefix' as const),
      request_rate: fc.constantFrom('inf' as const, 2, 20),
      n: fc.integer({ min: 1, max: 3 }),
    }),
    fc.record({
      workload: fc.constant('shared-prefix' as const),
      request_rate: fc.constantFrom(5, 50),
      abort_after: fc.constantFrom(0.5, 3),
    }),
    fc.record({ workload: fc.constant('alpaca' as const), beam_width: fc.integer({ min: 2, max: 4 }) }),
    fc.record({ workload: fc.constant('closed-loop' as const), users: fc.integer({ min: 1, max: 9 }) }),
  );
  return fc
    .record({
      policy: fc.constantFrom(...policies.map(({ name }) => name)),
      load,
      num_prompts: fc.integer({ min: 1, max: 25 }),
      lengths: fc.record({
        input_len: fc.integer({ min: 1, max: 90 }),
        output_len: fc.integer({ min: 1, max: 60 }),
      }),
      kv_slots: fc.constantFrom(2048, 3000, 8000),
      seed: fc.nat(1000),
    })
    .map(({ policy, load: { workload, ...rest }, lengths, ...others }) => {
      const sized = workload === 'alpaca' ? {} : lengths;
      const prefix = workload === 'shared-prefix' ? { prefix_len: 40 } : {};
      const config: Config = { max_model_len: 1024, workload, ...rest, ...sized, ...prefix, ...others };
      return Object.assign(() => recorded(config, policy), {
        [fc.toStringMethod]: () => JSON.stringify({ policy, ...config }),
      });
    });
}
