import fc from 'fast-check';
import { describe, test } from 'vitest';
import { slotKinds } from '../../src/core/kv-memory.ts';

import { type BlockState, CACHED, type Recording } from '../../src/trace/recording.ts';
import { Replay } from '../../src/trace/replay.ts';
import { ensure, scenarioArbitrary } from '../support/sim-drive.ts';
import { everyPolicy } from '../support/sim-policies.ts';
import { type LiveStep, recordDrive } from './recorded-drive.ts';

const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0);

describe.each(everyPolicy.map(policy => [policy.name, policy] as const))('%s', (_, policy) => {
  test('at every step, what is replayed is what the memory was', () => {
    fc.assert(
      fc.property(scenarioArbitrary(), scenario => {
        const { recording, live } = recordDrive(policy, scenario);
        const replay = new Replay(recording);
        ensure(recording.steps.count === live.length, () => 'a step is missing');
        for (const [step, now] of live.entries()) {
          const blocks = replay.stateAt(step);
          usageHolds(recording, blocks, now, step);
          tablesHold(recording, replay, now, step);
          if (recording.memory.kind !== 'padded') blocksHold(blocks, now, step);
          workHolds(recording, now, step);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('what is unused in hindsight is what the memory, which knows the truth, calls so', () => {
    fc.assert(
      fc.property(scenarioArbitrary({ samples: false, aborts: false }), scenario => {
        const { recording, live, drive } = recordDrive(policy, scenario);
        fc.pre(!drive.livelock);
        const replay = new Replay(recording);
        for (const [step, { usage }] of live.entries()) {
          const { owner, filled, unused } = replay.stateAt(step);
          let reserved = 0;
          for (let block = 0; block < owner.length; block++) {
            if (owner[block]! >= 0) reserved += recording.memory.blockSize - filled[block]! - unused[block]!;
          }
          ensure(reserved === usage.reserved, () => `step ${step}: ${reserved}, not ${usage.reserved}`);
        }
      }),
      { numRuns: 25 },
    );
  });
});

function usageHolds({ memory, steps }: Recording, blocks: BlockState, now: LiveStep, step: number) {
  const { owner, filled, refs } = blocks;
  for (const kind of slotKinds)
    ensure(steps.usage[kind][step] === now.usage[kind], () => `step ${step}: ${kind}`);
  ensure(sum(slotKinds.map(kind => now.usage[kind])) === memory.capacity, () => 'usage does not sum');
  let [token, held, cached] = [0, 0, 0];
  for (let block = 0; block < memory.numBlocks; block++) {
    if (owner[block] === CACHED) cached += memory.blockSize;
    if (owner[block]! < 0) ensure(refs[block] === 0, () => `block ${block} of nobody is referenced`);
    else {
      held += memory.blockSize;
      token += filled[block]!;
    }
  }
  const { usage } = now;
  ensure(token === usage.token, () => `step ${step}: ${token} tokens, not ${usage.token}`);
  ensure(cached === usage.cached, () => `step ${step}: ${cached} cached, not ${usage.cached}`);
  const claimed = usage.token + usage.reserved + usage.internal;
  if (memory.kind === 'contiguous') ensure(held >= claimed, () => `step ${step}: ${held} of ${claimed}`);
  else ensure(held === claimed, () => `step ${step}: ${held} slots are held, not ${claimed}`);
}

function tablesHold({ memory }: Recording, replay: Replay, now: LiveStep, step: number) {
  for (const [name, table] of now.tables) {
    const [request, sequence] = name.split('/').map(Number) as [number, number];
    const replayed = [...replay.tableAt(request, sequence, step)];
    // A table that ends behind a sliding window ends there.
    while (replayed.length < table.length && memory.kind === 'paged') replayed.push(-1);
    // Rows of a tensor move at each step; replayed, they stay.
    const expected = memory.kind === 'padded' ? table.map((_, i) => replayed[0]! + i) : table;
    ensure(
      replayed.length === expected.length && expected.every((block, i) => block === replayed[i]),
      () => `step ${step}: table ${name} is ${replayed.join()}, not ${expected.join()}`,
    );
    const sequences = replay.sequencesAt(request, step);
    const holds = expected.some(block => block >= 0);
    ensure(sequences.includes(sequence) === holds, () => `step ${step}: ${name} is missing`);
  }
}

function blocksHold({ owner, refs, filled }: BlockState, now: LiveStep, step: number) {
  for (let block = 0; block < owner.length; block++) {
    const at = () => `step ${step}, block ${block}: ${owner[block]} ${refs[block]} ${filled[block]}`;
    ensure(refs[block] === now.refs[block], () => `${at()}, ${now.refs[block]} references`);
    ensure(filled[block] === now.filled[block], () => `${at()}, ${now.filled[block]} filled`);
    const holders = now.holders.get(block);
    if (holders) ensure(holders.has(owner[block]!), () => `${at()}, held by ${[...holders]}`);
    else ensure(owner[block] === now.held[block], () => `${at()}, is ${now.held[block]}`);
  }
}

function workHolds({ work, steps }: Recording, now: LiveStep, step: number) {
  const entries = Array.from(
    { length: work.start[step + 1]! - work.start[step]! },
    (_, i) => work.start[step]! + i,
  );
  const ran = entries.filter(entry => work.kind[entry] !== 2);
  const pairs = ran.map(entry => [work.request[entry], work.tokens[entry]]);
  ensure(
    JSON.stringify(pairs) === JSON.stringify(now.ran),
    () => `step ${step}: ${pairs} ran, not ${now.ran}`,
  );
  const tokens = (kind: number) =>
    sum(ran.filter(entry => work.kind[entry] === kind).map(entry => work.tokens[entry]!));
  ensure(tokens(0) === steps.prefillTokens[step], () => `step ${step}: prefill tokens`);
  ensure(tokens(1) === steps.decodeTokens[step], () => `step ${step}: decode tokens`);
}
