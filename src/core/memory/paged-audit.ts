import type { BlockPool } from '../block-pool.ts';
import { invariant } from '../invariant.ts';
import { NULL_BLOCK, type SlotKind, slotKinds } from '../kv-memory.ts';
import { NO_NODE, type PrefixCache } from '../prefix-cache.ts';
import type { Request } from '../request.ts';
import type { BlockId, Tokens } from '../units.ts';

/** What paged memory keeps, laid open to be walked slot by slot: for views and tests. */
export interface PagedState {
  readonly pool: BlockPool;
  readonly cache: PrefixCache | undefined;
  readonly blockSize: Tokens;
  /** Slots of each block that hold KV. */
  readonly filled: Int32Array;
  readonly live: ReadonlySet<Request>;
}

const kind = (name: SlotKind) => slotKinds.indexOf(name);

/** One `slotKinds` index per slot. */
export function classifyPaged({ pool, cache, blockSize, filled, live }: PagedState): Uint8Array {
  const slots = new Uint8Array(pool.size * blockSize).fill(kind('free'));
  for (let block = 0; block < pool.size; block++) {
    const at = block * blockSize;
    if (pool.refs[block]! > 0) {
      slots.fill(kind('reserved'), at, at + blockSize);
      slots.fill(kind('token'), at, at + filled[block]!);
    } else if (cache && cache.nodeOf(block) !== NO_NODE) slots.fill(kind('cached'), at, at + blockSize);
  }
  for (const request of live) {
    for (const seq of request.seqs) {
      const final = Math.max(request.finalSlots(seq), request.numComputedTokens);
      for (const [i, block] of seq.blocks.entries()) {
        if (block === NULL_BLOCK || pool.refs[block]! > 1) continue;
        const unused = Math.min(blockSize, Math.max(0, (i + 1) * blockSize - final));
        const first = Math.max(blockSize - unused, filled[block]!);
        slots.fill(kind('internal'), block * blockSize + first, (block + 1) * blockSize);
      }
    }
  }
  return slots;
}

/** Tables, references and cache agree. */
export function checkPaged({ pool, cache, blockSize, filled, live }: PagedState): void {
  pool.checkIntegrity();
  cache?.checkIntegrity();
  const refs = new Map<BlockId, number>();
  for (const { id, seqs, numComputedTokens } of live) {
    for (const { blocks } of seqs) {
      const own = blocks.filter(block => block !== NULL_BLOCK);
      invariant(new Set(own).size === own.length, () => `request ${id} holds a block twice`);
      for (const block of own) refs.set(block, (refs.get(block) ?? 0) + 1);
      const holds = blocks.length * blockSize;
      invariant(
        holds >= numComputedTokens,
        () => `request ${id} has computed more tokens than its table holds`,
      );
    }
  }
  for (let block = 0; block < pool.size; block++) {
    const named = refs.get(block) ?? 0;
    const counted = pool.refs[block]!;
    invariant(counted === named, () => `block ${block} has ${counted} references, ${named} tables name it`);
    if (named > 0 || !cache || cache.nodeOf(block) === NO_NODE) continue;
    invariant(filled[block] === blockSize, () => `cached block ${block} is not full`);
  }
}
