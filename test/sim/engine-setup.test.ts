import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { policies } from '../../src/core/policies/registry.ts';
import { Request } from '../../src/core/request.ts';
import { Scheduler } from '../../src/core/scheduler.ts';
import { type EngineOptions, setUpEngine } from '../../src/sim/engine-setup.ts';
import { findGpu, gpus } from '../../src/sim/hardware/catalogue.ts';
import { findModel, models } from '../../src/sim/models/catalogue.ts';
import { named } from '../support/sim-policies.ts';

const options = (change: Partial<EngineOptions> = {}): EngineOptions => ({
  policy: named('vllm'),
  model: findModel('llama-2-7b')!,
  gpu: findGpu('a100-40g')!,
  tensorParallel: 1,
  weights: 'fp16',
  kv: 'fp16',
  gpuMemoryUtilization: 0.9,
  ...change,
});

test('a request as long as the context always fits an engine that starts', () => {
  const machines = fc.record({
    policy: fc.constantFrom(...policies),
    model: fc.constantFrom(...models),
    gpu: fc.constantFrom(...gpus),
    tensorParallel: fc.constantFrom(1, 2, 4, 8),
    kvSlots: fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 20_000 })),
    maxModelLen: fc.oneof(fc.constant(undefined), fc.integer({ min: 2, max: 5000 })),
  });
  let started = 0;
  fc.assert(
    fc.property(machines, ({ kvSlots, maxModelLen, ...machine }) => {
      let setup: ReturnType<typeof setUpEngine>;
      try {
        const limits = maxModelLen === undefined ? {} : { maxModelLen };
        setup = setUpEngine(options({ ...machine, limits, ...(kvSlots !== undefined && { kvSlots }) }));
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
        return;
      }
      const { limits, slots } = setup;
      expect(limits.maxModelLen).toBeGreaterThanOrEqual(1);
      if (limits.maxModelLen < 2) return;
      started++;
      const memory = setup.createMemory();
      expect(memory.capacity).toBeLessThanOrEqual(slots);
      const scheduler = new Scheduler(machine.policy, limits, memory);
      // TGI's budget of promised tokens is a limit of its own.
      const longest = Math.min(limits.maxModelLen, limits.maxBatchTotalTokens);
      const request = new Request(0, { arrival: 0, promptTokens: longest - 1, maxTokens: 1, truth: [1] });
      expect(scheduler.add(request, 0)).toBe(true);
      let steps = 0;
      while (scheduler.numUnfinished > 0 && steps++ < 3000) {
        const plan = scheduler.schedule(steps);
        expect(plan.empty).toBe(false);
        scheduler.update(plan, { duration: 1, stopped: [] }, steps + 1);
      }
      expect(request.status).toBe('finished');
    }),
    { numRuns: 300 },
  );
  expect(started).toBeGreaterThan(50);
});

test('limits: defaults of the policy, changed by those given; a context that memory cannot hold is cut', () => {
  expect(setUpEngine(options()).limits).toMatchObject({
    maxNumSeqs: 256,
    maxNumBatchedTokens: 2048,
    blockSize: 16,
    maxModelLen: 4096,
  });
  expect(setUpEngine(options({ gpu: findGpu('h100')! })).limits).toMatchObject({
    maxNumSeqs: 1024,
    maxNumBatchedTokens: 8192,
  });
  expect(setUpEngine(options({ gpu: findGpu('a100-80g')! })).limits).toMatchObject({
    maxNumSeqs: 256,
    maxNumBatchedTokens: 2048,
  });
  expect(setUpEngine(options({ limits: { maxNumSeqs: 7 } })).limits.maxNumSeqs).toBe(7);
  expect(setUpEngine(options({ kvSlots: 1000 })).limits.maxModelLen).toBe(992);
  expect(setUpEngine(options({ policy: named('orca-max'), kvSlots: 1000 })).limits.maxModelLen).toBe(512);
  expect(setUpEngine(options({ policy: named('hf-static'), kvSlots: 1000 })).limits.maxModelLen).toBe(500);
});

test('size of the memory: given in blocks, in slots, or found', () => {
  expect(setUpEngine(options({ numGpuBlocks: 300 }))).toMatchObject({ slots: 4800, capacity: undefined });
  expect(setUpEngine(options({ policy: named('fastgen'), numGpuBlocks: 30 })).slots).toBe(30 * 128);
  expect(setUpEngine(options({ kvSlots: 5000 })).slots).toBe(5000);
  const found = setUpEngine(options());
  expect(found.slots).toBe(found.capacity!.slots);
  expect(() => setUpEngine(options({ kvSlots: 5 }))).toThrow(/less than one block of 16/);
});

test('two memories of one setup are two', () => {
  const setup = setUpEngine(options({ kvSlots: 5000 }));
  const [a, b] = [setup.createMemory(), setup.createMemory()];
  const request = new Request(0, { arrival: 0, promptTokens: 20, maxTokens: 10 });
  a.lookup(request);
  expect(a.admit(request, 20, { tokens: 20, headroom: 0 })).toBeUndefined();
  expect(a.usage().free).toBeLessThan(b.usage().free);
});
