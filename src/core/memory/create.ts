import type { KvMemory } from '../kv-memory.ts';
import type { Limits, MemoryChoice } from '../policies/policy.ts';
import type { BlockHash } from '../prefix-cache.ts';
import type { Tokens } from '../units.ts';
import { ContiguousKvMemory } from './contiguous.ts';
import { PaddedKvMemory } from './padded.ts';
import { PagedKvMemory } from './paged.ts';

/** What the machine gives the memory, whatever the policy. */
export interface MemorySite {
  /** KV slots. Those that do not fill a block are left over. */
  readonly slots: Tokens;
  /** Host slots for swapped requests. */
  readonly hostSlots?: Tokens;
  readonly slidingWindow?: Tokens;
  readonly hash?: BlockHash;
}

/** The memory that a policy chose, of the size that the machine has. */
export function createMemory(choice: MemoryChoice, limits: Limits, site: MemorySite): KvMemory {
  const { blockSize, maxModelLen, maxBatchTotalTokens } = limits;
  const numBlocks = Math.floor(site.slots / blockSize);
  switch (choice.kind) {
    case 'paged':
      return new PagedKvMemory({
        numBlocks,
        blockSize,
        claim: choice.claim,
        prefixCaching: choice.prefixCaching,
        freeOrder: choice.freeOrder,
        hostBlocks: Math.floor((site.hostSlots ?? 0) / blockSize),
        ...(site.slidingWindow !== undefined && { slidingWindow: site.slidingWindow }),
        ...(site.hash && { hash: site.hash }),
      });
    case 'contiguous':
      return new ContiguousKvMemory({
        numBlocks,
        blockSize,
        reserve: choice.reserve,
        allocator: choice.allocator,
        maxModelLen,
      });
    case 'padded':
      return new PaddedKvMemory({
        capacity: site.slots,
        maxLength: maxModelLen,
        ragged: choice.ragged,
        maxTotalTokens: maxBatchTotalTokens,
      });
    default:
      return choice satisfies never;
  }
}
