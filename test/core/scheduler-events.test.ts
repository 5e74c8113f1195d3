import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EngineEvent } from '../../src/core/events.ts';
import { PagedKvMemory } from '../../src/core/memory/paged.ts';
import type { Policy } from '../../src/core/policies/policy.ts';
import type { BlockId } from '../../src/core/units.ts';
import { type Ask, Drive, ensure, type Scenario, scenarioArbitrary } from '../support/sim-drive.ts';
import { everyPolicy, isStatic, named } from '../support/sim-policies.ts';
import { withCaching } from '../support/sim-run.ts';

/** What somebody knows who hears the events and sees nothing else: ids only, no live objects. */
class Listening {
  readonly tables = new Map<number, BlockId[]>();
  readonly computed = new Map<number, number>();
  readonly outputs = new Map<number, number>();

  on(event: EngineEvent): void {
    switch (event.type) {
      case 'allocated':
        this.#table(event.request.id).push(...event.blocks);
        return;
      case 'cache-hit': {
        // Which blocks were found is for the event to say.
        const { blocks } = event as { blocks?: readonly BlockId[] };
        this.#table(event.request.id).push(...(blocks ?? []));
        return;
      }
      case 'scheduled':
        this.computed.set(event.request.id, event.start + event.tokens);
        return;
      case 'token':
        this.outputs.set(event.request.id, event.index + 1);
        return;
      case 'preempted':
        if (event.mode === 'recompute') this.computed.set(event.request.id, 0);
        this.tables.delete(event.request.id);
        return;
      case 'finished':
      case 'aborted':
        this.tables.delete(event.request.id);
        return;
      default:
        return;
    }
  }

  #table(id: number): BlockId[] {
    const table = this.tables.get(id) ?? [];
    this.tables.set(id, table);
    return table;
  }

  /** References of each block that somebody holds. */
  get refs(): Map<BlockId, number> {
    const refs = new Map<BlockId, number>();
    for (const table of this.tables.values())
      for (const block of table) refs.set(block, (refs.get(block) ?? 0) + 1);
    return refs;
  }
}

/** Drives, and compares after every step what was heard with what is. */
function expectHeard(policy: Policy, scenario: Scenario): Drive {
  const heard = new Listening();
  const check = ({ scheduler, memory }: Drive) => {
    for (const request of scheduler.running) {
      const { id, numComputedTokens, numOutputTokens } = request;
      const table = memory.table(request.seqs[0] ?? request.done[0]!);
      const known = heard.tables.get(id) ?? [];
      ensure(
        String(known) === String(table),
        () => `request ${id}: heard of blocks [${known}], has [${table}]`,
      );
      ensure(
        (heard.computed.get(id) ?? 0) === numComputedTokens,
        () => `request ${id}: ${heard.computed.get(id)} computed`,
      );
      ensure(
        (heard.outputs.get(id) ?? 0) === numOutputTokens,
        () => `request ${id}: ${heard.outputs.get(id)} outputs`,
      );
    }
    if (!(memory instanceof PagedKvMemory)) return;
    const { refs } = heard;
    for (let block = 0; block < memory.pool.size; block++) {
      const [known, is] = [refs.get(block) ?? 0, memory.pool.refs[block]];
      ensure(known === is, () => `block ${block}: heard of ${known} references, has ${is}`);
    }
  };
  return new Drive(policy, scenario, event => heard.on(event)).run({
    planned: check,
    updated: check,
    ended: drive => {
      check(drive);
      expect(heard.tables.size).toBe(0);
    },
  });
}

describe('the events alone tell of block tables, references and token counts', () => {
  const scenarios = scenarioArbitrary({ samples: false, window: false }).map(scenario => ({
    ...scenario,
    hostBlocks: 0,
  }));
  // Rows of a padded tensor move; those of an aborted request of a static batch stay until others end.
  const listed = everyPolicy.filter(policy => policy.memory.kind !== 'padded' && !isStatic(policy));

  test('of single sequences, without prefix cache', () => {
    fc.assert(
      fc.property(fc.constantFrom(...listed.map(({ name }) => name)), scenarios, (name, scenario) => {
        expectHeard(withCaching(listed.find(policy => policy.name === name)!, false), scenario);
      }),
      { numRuns: 10 * listed.length },
    );
  });

  test('and with the prefix cache', () => {
    const paged = listed.filter(({ memory }) => memory.kind === 'paged');
    fc.assert(
      fc.property(fc.constantFrom(...paged.map(({ name }) => name)), scenarios, (name, scenario) => {
        expectHeard(withCaching(paged.find(policy => policy.name === name)!, true), scenario);
      }),
      { numRuns: 10 * paged.length },
    );
  });

  test('and of requests that were swapped out and came back', () => {
    const asks = Array.from({ length: 4 }, (): Ask => ({ gap: 0, prompt: 6, maxTokens: 20, outputs: [20] }));
    const swapping: Policy = { ...everyPolicy.find(({ name }) => name === 'sarathi')!, preemption: 'swap' };
    const drive = expectHeard(swapping, {
      asks,
      blocks: 12,
      hostBlocks: 100,
      blockSize: 4,
      maxModelLen: 32,
      watermark: 0,
    });
    expect(drive.events.some(event => event.type === 'preempted' && event.mode === 'swap')).toBe(true);
  });
});

describe('why a request waits', () => {
  const ask = (change: Partial<Ask> = {}): Ask => ({
    gap: 0,
    prompt: 8,
    maxTokens: 20,
    outputs: [20],
    ...change,
  });
  /** What each waiting request says after a step. */
  const reasons = (policy: Policy, scenario: Scenario, at: number) => {
    let said: unknown[] = [];
    new Drive(policy, { blockSize: 4, maxModelLen: 32, ...scenario }).run({
      planned({ now, scheduler, requests }) {
        if (now === at) said = requests.map(request => scheduler.whyWaiting(request));
      },
    });
    return said;
  };

  test('max-num-seqs, and head-of-line behind it', () => {
    const asks = [ask(), ask(), ask(), ask()];
    expect(reasons(named('vllm'), { asks, maxNumSeqs: 2, blocks: 100 }, 1)).toEqual([
      undefined,
      undefined,
      { kind: 'max-num-seqs', limit: 2 },
      { kind: 'head-of-line', behind: 2 },
    ]);
  });

  test('token-budget', () => {
    const asks = [ask(), ask(), ask()];
    expect(reasons(named('vllm'), { asks, maxNumBatchedTokens: 16, blocks: 100 }, 0)[2]).toEqual({
      kind: 'token-budget',
      needs: 8,
      left: 0,
    });
    expect(reasons(named('vllm-v0'), { asks, maxNumBatchedTokens: 20, blocks: 100 }, 0)[2]).toEqual({
      kind: 'token-budget',
      needs: 8,
      left: 4,
    });
  });

  test('no-blocks', () => {
    const asks = [ask(), ask(), ask({ prompt: 20 }), ask()];
    expect(reasons(named('vllm'), { asks, blocks: 8 }, 0)).toEqual([
      undefined,
      undefined,
      { kind: 'no-blocks', needs: 5, free: 4 },
      { kind: 'head-of-line', behind: 2 },
    ]);
  });

  test('preemption: the victim itself, in the step that preempted it', () => {
    const asks = [ask(), ask(), ask({ gap: 1 })];
    const scenario = { asks, blocks: 7, watermark: 0 };
    // Both start with 2 blocks and take a third at 1; a fourth each would be 8.
    const said = reasons(named('sarathi'), scenario, 5);
    expect(said[1]).toEqual({ kind: 'preemption' });
    expect(said[2]).toEqual({ kind: 'head-of-line', behind: 1 });
  });

  test('preemption in a step of decodes only (vllm-v0, nano-vllm, sglang)', () => {
    const said = reasons(named('vllm-v0'), { asks: [ask(), ask()], blocks: 7, watermark: 0 }, 5);
    expect(said).toEqual([undefined, { kind: 'preemption' }]);
  });

  test('batch-running, join-threshold', () => {
    const asks = [ask(), ask(), ask({ gap: 2 })];
    expect(reasons(named('hf-static'), { asks, blocks: 100 }, 3)[2]).toEqual({
      kind: 'batch-running',
      unfinished: 2,
    });
    expect(reasons(named('tgi-0.8'), { asks, blocks: 100 }, 3)[2]).toEqual({
      kind: 'join-threshold',
      waiting: 1,
      needs: 2,
    });
  });

  test('who runs, is over, or has not been looked at yet waits for nothing', () => {
    const drive = new Drive(named('vllm'), {
      asks: [ask({ outputs: [1] })],
      blocks: 100,
      blockSize: 4,
      maxModelLen: 32,
    });
    drive.run({
      arrived: ({ scheduler }, request) => expect(scheduler.whyWaiting(request)).toBeUndefined(),
      planned: ({ scheduler, requests }) => expect(scheduler.whyWaiting(requests[0]!)).toBeUndefined(),
      ended: ({ scheduler, requests }) => expect(scheduler.whyWaiting(requests[0]!)).toBeUndefined(),
    });
  });

  test('each reason that is said in random drives has been seen, and each waiting request has one', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(
        fc.constantFrom(...everyPolicy.map(({ name }) => name)),
        scenarioArbitrary(),
        (name, scenario) => {
          new Drive(everyPolicy.find(policy => policy.name === name)!, scenario).run({
            planned({ scheduler }) {
              const [head, ...behind] = scheduler.waiting;
              if (!head) return;
              const why = scheduler.whyWaiting(head);
              ensure(why !== undefined, () => `request ${head.id} (${head.status}) waits for no reason`);
              seen.add(why.kind);
              for (const request of behind) {
                const reason = scheduler.whyWaiting(request);
                ensure(reason !== undefined, () => `request ${request.id} waits for no reason`);
              }
            },
          });
        },
      ),
      { numRuns: 15 * everyPolicy.length },
    );
    const all = [
      'no-blocks',
      'max-num-seqs',
      'token-budget',
      'preemption',
      'batch-running',
      'join-threshold',
    ];
    expect([...seen]).toEqual(expect.arrayContaining(all));
  });
});
