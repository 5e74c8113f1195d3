import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { record } from '../../src/trace/record.ts';
import { FREE, type Recording } from '../../src/trace/recording.ts';
import { Replay } from '../../src/trace/replay.ts';
import { ensure, scenarioArbitrary } from '../support/sim-drive.ts';
import { everyPolicy, named } from '../support/sim-policies.ts';
import { type LiveStep, recordDrive } from './recorded-drive.ts';

const anyPolicy = fc.constantFrom(...everyPolicy);
const scenarios = fc.tuple(anyPolicy, scenarioArbitrary());

/** A few hundred entries a step, so that there are checkpoints to seek by. */
const long: Promise<Recording> = record({ seed: 3, num_prompts: 300 }, 'vllm', {
  model: findModel('llama-13b')!,
});

/** All that a state says, by the plainest of means: every entry up to a step, one after another. */
function naive({ blocks, memory }: Recording, step: number) {
  const owner = new Int32Array(memory.numBlocks).fill(FREE);
  const [refs, filled] = [new Uint16Array(memory.numBlocks), new Uint16Array(memory.numBlocks)];
  const since = new Int32Array(memory.numBlocks);
  for (let now = 0; now <= step; now++) {
    for (let i = blocks.start[now]!; i < blocks.start[now + 1]!; i++) {
      const block = blocks.block[i]!;
      owner[block] = blocks.owner[i]!;
      refs[block] = blocks.refs[i]!;
      filled[block] = blocks.filled[i]!;
      since[block] = now;
    }
  }
  return { owner, refs, filled, since };
}

test('seeking in any order gives what stepping gives', async () => {
  const recording = await long;
  expect(recording.blocks.block.length).toBeGreaterThan(2 * 32_768);
  const last = recording.steps.count - 1;
  const replay = new Replay(recording);
  const step = fc.oneof(fc.integer({ min: 0, max: last }), fc.constantFrom(0, 1, last));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(step, fc.integer({ min: -2, max: 2 })), { minLength: 2, maxLength: 6 }),
      moves => {
        for (const [to, by] of moves) {
          for (const at of [to, Math.min(last, Math.max(0, to + by))]) {
            const { unused, ...state } = replay.stateAt(at);
            expect(state).toEqual(naive(recording, at));
            expect(unused).toEqual(new Replay(recording).stateAt(at).unused);
          }
        }
      },
    ),
    { numRuns: 12 },
  );
});

test('forward to the end and back again leads through the same states', () => {
  fc.assert(
    fc.property(scenarios, ([policy, scenario]) => {
      const { recording } = recordDrive(policy, scenario);
      const replay = new Replay(recording);
      const states = Array.from({ length: recording.steps.count }, (_, step) =>
        structuredClone(replay.stateAt(step)),
      );
      for (let step = states.length - 1; step >= 0; step--)
        expect(replay.stateAt(step)).toEqual(states[step]);
    }),
    { numRuns: 60 },
  );
});

test('who holds a block is who names it in a table', () => {
  fc.assert(
    fc.property(scenarios, fc.nat(), ([policy, scenario], pick) => {
      const { recording, live } = recordDrive(policy, scenario);
      fc.pre(live.length > 0);
      const replay = new Replay(recording);
      const step = pick % live.length;
      const { owner, refs } = replay.stateAt(step);
      for (let block = 0; block < owner.length; block++) {
        const holdings = replay.holdingsAt(block, step);
        // What an allocator rounds up is in a table, and referenced by none.
        if (recording.memory.kind !== 'contiguous')
          ensure(holdings.length === refs[block], () => `block ${block} at step ${step}: ${holdings.length}`);
        for (const { request, sequence, index } of holdings)
          ensure(
            replay.tableAt(request, sequence, step)[index] === block,
            () => `block ${block} of ${request}`,
          );
        if (holdings.length > 0)
          ensure(replay.requestsOf(block, step).includes(owner[block]!), () => `owner of block ${block}`);
      }
    }),
    { numRuns: 60 },
  );
});

describe('phases', () => {
  const agrees: Record<string, readonly string[]> = {
    waiting: ['queued'],
    running: ['prefill', 'decode'],
    held: ['held', 'aborted'],
    preempted: ['preempted'],
    swapped: ['preempted'],
    finished: ['finished'],
    aborted: ['aborted'],
    rejected: ['rejected'],
  };

  test('say at each step what the scheduler says', () => {
    fc.assert(
      fc.property(scenarios, ([policy, scenario]) => {
        const { recording, live } = recordDrive(policy, scenario);
        const replay = new Replay(recording);
        for (const [step, { statuses }] of live.entries()) statesHold(replay, step, statuses);
      }),
      { numRuns: 100 },
    );
  });

  function statesHold(replay: Replay, step: number, statuses: LiveStep['statuses']) {
    for (const [request, status] of statuses.entries()) {
      const state = replay.stateOf(request, step);
      ensure(agrees[status]!.includes(state), () => `step ${step}: ${request} is ${status}, not ${state}`);
    }
    for (let request = statuses.length; request < replay.recording.requests.length; request++)
      ensure(replay.stateOf(request, step) === 'absent', () => `${request} has not come yet at ${step}`);
  }

  test('follow one another from arrival to end', () => {
    fc.assert(
      fc.property(scenarios, ([policy, scenario]) => {
        const { recording } = recordDrive(policy, scenario);
        const replay = new Replay(recording);
        for (const [request, { arrival, finished, end, admitted }] of recording.requests.entries()) {
          const phases = replay.phases(request);
          expect(phases[0]).toMatchObject({ from: arrival, phase: 'queued' });
          if (!Number.isNaN(admitted)) expect(phases[0]!.to).toBe(admitted);
          if (end === 'finished') expect(phases.at(-1)!.to).toBe(finished);
          for (const [i, { from, to, phase }] of phases.entries()) {
            expect(to).toBeGreaterThanOrEqual(from);
            if (i > 0) expect([from, phase]).not.toEqual([phases[i - 1]!.to, phases[i - 1]!.phase]);
            if (i > 0) expect(from).toBe(phases[i - 1]!.to);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test('of a static batch: the short ones are held for the longest', () => {
    const ask = (outputs: number) => ({ gap: 0, prompt: 4, maxTokens: 20, outputs: [outputs] });
    const { recording } = recordDrive(named('hf-static'), {
      asks: [ask(3), ask(8), ask(5)],
      blocks: 400,
      blockSize: 1,
    });
    const replay = new Replay(recording);
    const shown = recording.requests.map((_, i) =>
      replay.phases(i).map(({ phase, from, to }) => `${phase} ${from}–${to}`),
    );
    expect(shown).toEqual([
      ['queued 0–0', 'prefill 0–1', 'decode 1–3', 'held 3–8'],
      ['queued 0–0', 'prefill 0–1', 'decode 1–8'],
      ['queued 0–0', 'prefill 0–1', 'decode 1–5', 'held 5–8'],
    ]);
    expect(replay.workOf(0).map(({ step, kind, tokens }) => `${step} ${kind} ${tokens}`)).toEqual([
      '0 prefill 4',
      '1 decode 1',
      '2 decode 1',
      ...[3, 4, 5, 6, 7].map(step => `${step} held 1`),
    ]);
    expect(
      replay
        .workAt(4)
        .map(({ request, kind }) => `${request} ${kind}`)
        .sort(),
    ).toEqual(['0 held', '1 decode', '2 decode']);
  });
});

test('the step at a time is the last that had begun', async () => {
  const recording = await long;
  const replay = new Replay(recording);
  const { time, end, count } = recording.steps;
  expect(replay.stepAt(-1)).toBe(0);
  expect(replay.stepAt(end[count - 1]! + 1)).toBe(count - 1);
  for (const step of [0, 1, 17, count - 1]) {
    expect(replay.stepAt(time[step]!)).toBe(step);
    expect(replay.stepAt((time[step]! + end[step]!) / 2)).toBe(step);
  }
  expect(replay.stateAt(-5)).toEqual(replay.stateAt(0));
  expect(replay.stateAt(1e9).since).toEqual(new Replay(recording).stateAt(count - 1).since);
});

test('a run in which nothing ever ran is empty', () => {
  const { recording } = recordDrive(named('vllm'), {
    asks: [{ gap: 0, prompt: 30, maxTokens: 3, outputs: [3] }],
    blocks: 3,
    blockSize: 4,
  });
  expect(recording.requests[0]!.end).toBe('rejected');
  expect(recording.steps.count).toBe(0);
  const replay = new Replay(recording);
  expect([...replay.stateAt(0).owner]).toEqual([FREE, FREE, FREE]);
  expect(replay.tableAt(0, 0, 0)).toEqual([]);
  expect(replay.holdingsAt(0, 0)).toEqual([]);
  expect(replay.workAt(0)).toEqual([]);
  expect(replay.stateOf(0, 0)).toBe('rejected');
});
