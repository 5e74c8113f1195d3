import type { Recording } from './recording.ts';
import { requestColumns, requestEnds } from './request-columns.ts';
import { WholeColumn, type Wholes } from './whole-column.ts';

const RUNNING = requestEnds.indexOf('running');

/**
 * For each entry of `recording.blocks`: slots of the block that its owner will never fill, in hindsight. They were
 * given to it for nothing (`internal`), or cannot be given out (`external`: blocks with an owner and no references
 * of a contiguous memory). Slots neither filled nor unused are reserved. An aborted request uses what it had used;
 * of several samples, the longest speaks for all.
 */
export function unusedSlots({ memory, requests, steps, blocks, tables }: Recording): Wholes {
  const { blockSize, numBlocks, kind } = memory;
  const column = new WholeColumn(blocks.block.length, blockSize);
  // One slot less than its tokens, for the last one's KV is never computed.
  const { promptTokens, outputTokens, maxTokens, end } = requestColumns(requests);
  const final = promptTokens.map(
    (prompt, i) => prompt + (end[i] === RUNNING ? maxTokens : outputTokens)[i]! - 1,
  );
  /** Where each block stands in the table of its owner, and the first block of a request's table. */
  const indexOf = new Int32Array(numBlocks);
  const firstBlock = new Int32Array(requests.length).fill(-1);
  const owner = new Int32Array(numBlocks).fill(-1);
  const filled = new Uint16Array(numBlocks);
  /** The block held KV that is dead: its sequence has ended, its batch has not. */
  const dead = new Uint8Array(numBlocks);
  for (let step = 0; step < steps.count; step++) {
    for (let i = tables.start[step]!; i < tables.start[step + 1]!; i++) {
      const block = tables.block[i]!;
      if (block < 0) continue;
      indexOf[block] = tables.index[i]!;
      if (tables.index[i] === 0) firstBlock[tables.request[i]!] = block;
    }
    for (let i = blocks.start[step]!; i < blocks.start[step + 1]!; i++) {
      const block = blocks.block[i]!;
      const request = blocks.owner[i]!;
      const same = owner[block] === request;
      dead[block] = same && blocks.filled[i] === 0 && (filled[block]! > 0 || dead[block]) ? 1 : 0;
      owner[block] = request;
      filled[block] = blocks.filled[i]!;
      if (request < 0 || blocks.refs[i]! > 1) continue;
      const inTable = blocks.refs[i] === 1;
      // A tensor's slot in no table: pads lie before the first token, what a lone row has ahead behind it.
      const index = inTable ? indexOf[block]! : block - firstBlock[request]!;
      const useless = dead[block] || (!inTable && (kind !== 'padded' || index < 0));
      const used = useless ? 0 : Math.min(blockSize, Math.max(0, final[request]! - index * blockSize));
      column.set(i, blockSize - Math.max(used, blocks.filled[i]!));
    }
  }
  return column.take();
}
