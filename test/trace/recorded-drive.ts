import type { EngineEvent } from '../../src/core/events.ts';
import { type MemoryUsage, slotKinds } from '../../src/core/kv-memory.ts';
import { PagedKvMemory } from '../../src/core/memory/paged.ts';
import type { Policy } from '../../src/core/policies/policy.ts';
import { Recorder } from '../../src/trace/recorder.ts';
import { CACHED, FREE, type Recording } from '../../src/trace/recording.ts';
import { Drive, type Scenario } from '../support/sim-drive.ts';

/** What the live memory was at a step, read from itself and not from events. */
export interface LiveStep {
  readonly usage: MemoryUsage;
  /** By request and sequence. */
  readonly tables: ReadonlyMap<string, readonly number[]>;
  /** By block: FREE, CACHED, or 0 for held. */
  readonly held: readonly number[];
  readonly refs: readonly number[];
  readonly filled: readonly number[];
  /** Requests whose tables name a block. */
  readonly holders: ReadonlyMap<number, ReadonlySet<number>>;
  readonly ran: readonly [request: number, tokens: number][];
  readonly statuses: readonly string[];
}

/** Drives a scheduler with a recorder that listens, and keeps beside it what the memory said at each step. */
export function recordDrive(
  policy: Policy,
  scenario: Scenario,
): { recording: Recording; live: LiveStep[]; drive: Drive } {
  const recorder = new Recorder();
  const live: LiveStep[] = [];
  const drive: Drive = new Drive(policy, scenario, event => {
    recorder.on(event);
    if (event.type === 'step') live.push(look(drive, event));
  });
  recorder.attach({ memory: drive.memory, scheduler: drive.scheduler });
  drive.run();
  return { recording: recorder.finish(policy.name, {}), live, drive };
}

function look({ memory, scheduler, requests }: Drive, event: EngineEvent & { type: 'step' }): LiveStep {
  const { blockSize } = memory;
  const numBlocks = memory.capacity / blockSize;
  const tables = new Map<string, readonly number[]>();
  const holders = new Map<number, Set<number>>();
  const refs = Array<number>(numBlocks).fill(0);
  for (const request of scheduler.running) {
    for (const seq of [...request.seqs, ...request.done]) {
      const table = [...memory.table(seq)];
      if (table.length > 0) tables.set(`${request.id}/${seq.index}`, table);
      for (const block of table) {
        if (block < 0) continue;
        refs[block]!++;
        const known = holders.get(block);
        if (known) known.add(request.id);
        else holders.set(block, new Set([request.id]));
      }
    }
  }
  const slots = memory.classify();
  const kindsOf = (block: number) => {
    const kinds = { token: 0, reserved: 0, internal: 0, external: 0, cached: 0, free: 0 };
    for (let i = block * blockSize; i < (block + 1) * blockSize; i++) kinds[slotKinds[slots[i]!]!]++;
    return kinds;
  };
  const kinds = Array.from({ length: numBlocks }, (_, block) => kindsOf(block));
  if (memory instanceof PagedKvMemory)
    for (const [block, count] of memory.pool.refs.entries()) refs[block] = count;
  // Only what was asked for is held by a sequence: the rest is the allocator's round-up.
  else for (const [block, { external }] of kinds.entries()) if (external === blockSize) refs[block] = 0;
  return {
    usage: event.usage,
    tables,
    holders,
    refs,
    held: kinds.map(({ cached }, block) => (holders.has(block) ? 0 : cached > 0 ? CACHED : FREE)),
    filled: kinds.map(({ token, cached }) => token + cached),
    ran: event.plan.requests.map((request, i) => [
      request.id,
      event.plan.numTokens[i]! * event.plan.rows[i]!,
    ]),
    statuses: requests.map(({ status }) => status),
  };
}
