import { expect, test } from 'vitest';
import { buildWorkload, maxTokensRule } from '../../src/sim/build-workload.ts';
import { completeConfig } from '../../src/sim/check-config.ts';
import type { Config } from '../../src/sim/config.ts';
import type { Arrival } from '../../src/sim/workload/workload.ts';
import { workloadNames } from '../../src/sim/workload-settings.ts';

const build = (config: Config, seed = 1, content = false) =>
  [
    ...(buildWorkload(completeConfig(config), seed, 2048, content).chunks() as Iterable<readonly Arrival[]>),
  ].flat();

test('every workload is built, in order of time, of the asked size', () => {
  for (const workload of workloadNames) {
    const users = workload === 'closed-loop' || workload === 'chat';
    const rate = workload === 'closed-loop' ? {} : { request_rate: 10 };
    const arrivals = build({ workload, ...rate, ...(users ? { users: 20 } : { num_prompts: 100 }) });
    const size = users ? 20 : 100;
    expect(arrivals.length, workload).toBeLessThanOrEqual(size);
    expect(arrivals.length, workload).toBeGreaterThan(size / 2);
    const times = arrivals.map(({ arrival }) => arrival);
    expect(times, workload).toEqual(times.toSorted((a, b) => a - b));
    for (const { promptTokens, outputTokens } of arrivals) {
      expect(promptTokens).toBeGreaterThanOrEqual(1);
      for (const length of outputTokens) expect(length).toBeGreaterThanOrEqual(1);
    }
  }
});

test('lengths: fixed as they are, uniform around the mean', () => {
  for (const { promptTokens, outputTokens } of build({
    workload: 'fixed',
    input_len: 7,
    output_len: 3,
    num_prompts: 5,
  })) {
    expect([promptTokens, outputTokens]).toEqual([7, [3]]);
  }
  const prompts = build({ workload: 'uniform', input_len: 100, range_ratio: 0.2, num_prompts: 2000 }).map(
    a => a.promptTokens,
  );
  expect([Math.min(...prompts), Math.max(...prompts)]).toEqual([80, 120]);
});

test('samples, beams, priorities, patience and content are added, and change nothing else', () => {
  const plain = build({ num_prompts: 50 });
  const rich = build(
    { num_prompts: 50, n: 3, high_priority_share: 0.5, order: 'priority', abort_after: 2 },
    1,
    true,
  );
  for (const [i, { arrival, promptTokens, outputTokens, priority, abortAt, tokens }] of rich.entries()) {
    expect([arrival, promptTokens, outputTokens[0]]).toEqual([
      plain[i]!.arrival,
      plain[i]!.promptTokens,
      plain[i]!.outputTokens[0],
    ]);
    expect(outputTokens).toHaveLength(3);
    expect([0, 1]).toContain(priority);
    expect(abortAt).toBeGreaterThanOrEqual(arrival);
    expect(tokens).toBeDefined();
  }
  expect(
    build({ num_prompts: 3, beam_width: 4 }).map(({ beamWidth, outputTokens }) => [
      beamWidth,
      outputTokens.length,
    ]),
  ).toEqual([
    [4, 1],
    [4, 1],
    [4, 1],
  ]);
});

test('shared prefixes are shared, by groups', () => {
  const arrivals = build(
    { workload: 'shared-prefix', prefix_groups: 3, prefix_len: 40, num_prompts: 60 },
    1,
    true,
  );
  const heads = new Set(
    arrivals.map(({ tokens }) => Array.from({ length: 40 }, (_, i) => tokens!.at(i)).join()),
  );
  expect(heads.size).toBe(3);
  expect(new Set(arrivals.map(({ tokens }) => tokens!.at(40))).size).toBe(60);
  for (const { promptTokens } of arrivals) expect(promptTokens).toBeGreaterThan(40);
});

test('arrivals: all at once, by a rate whose last comes at n / rate, or evenly', () => {
  expect(new Set(build({ num_prompts: 20 }).map(({ arrival }) => arrival))).toEqual(new Set([0]));
  expect(build({ num_prompts: 20, request_rate: 4 }).at(-1)!.arrival).toBeCloseTo(5, 9);
  const even = build({ num_prompts: 4, request_rate: 4, fixed_rate: true }).map(({ arrival }) => arrival);
  expect(even).toEqual([0.25, 0.5, 0.75, 1]);
  expect(() => build({ fixed_rate: true })).toThrow(/fixed_rate needs a request_rate/);
});

test('max_tokens: a number, the exact length, or the next of 1024, 2048 …', () => {
  const of = (rule: number | 'exact' | 'auto', ...outputTokens: number[]) =>
    maxTokensRule(rule)({ arrival: 0, promptTokens: 1, outputTokens });
  expect(of(77, 5)).toBe(77);
  expect(of('exact', 5, 9)).toBe(9);
  expect([1, 1000, 1024, 1025, 2048, 3000].map(length => of('auto', length))).toEqual([
    1024, 1024, 1024, 2048, 2048, 4096,
  ]);
});
