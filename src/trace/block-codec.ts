import { BlockGuesses, type Known } from './block-guesses.ts';
import { ByteReader, ByteWriter, DamagedError } from './byte-stream.ts';
import { readStarts, within, writeStarts } from './column-codec.ts';
import { type BlockColumns, CACHED } from './recording.ts';
import { WholeColumn } from './whole-column.ts';

/** Not among the blocks that a step is guessed to change: its number is written. */
const OTHER = 0;

export function writeBlocks(out: ByteWriter, blocks: BlockColumns, known: Known): void {
  const { start, block, owner, refs, filled } = blocks;
  const columns = Array.from({ length: 5 }, () => new ByteWriter());
  const [distances, others, owners, counts, fills] = columns as [
    ByteWriter,
    ByteWriter,
    ByteWriter,
    ByteWriter,
    ByteWriter,
  ];
  const guesses = new BlockGuesses(known);
  let last = 0;
  for (let step = 0; step + 1 < start.length; step++) {
    guesses.begin();
    for (let i = start[step]!; i < start[step + 1]!; i++) {
      const named = block[i]!;
      const distance = guesses.distance(named);
      if (distance === undefined) {
        distances.unsigned(OTHER);
        others.signed(named - last);
      } else distances.unsigned(1 + (distance < 0 ? -2 * distance - 1 : 2 * distance));
      last = named + 1;
      owners.signed(owner[i]! - guesses.owner(named));
      counts.signed(refs[i]! - guesses.refs(named));
      fills.signed(filled[i]! - guesses.filled(named, owner[i]!));
      guesses.learn(named, owner[i]!, filled[i]!);
    }
  }
  out.unsigned(block.length);
  writeStarts(out, start);
  for (const column of columns) {
    out.unsigned(column.length);
    out.bytes(column.take());
  }
}

/** Steps between two that progress is told of. */
const TOLD = 1024;

/** @param progress told how much of the columns is read. */
export function readBlocks(
  input: ByteReader,
  steps: number,
  known: Known,
  progress: (share: number) => void = () => undefined,
): BlockColumns {
  const { numBlocks, requests } = known;
  const count = input.count();
  const start = readStarts(input, steps, count);
  const column = () => new ByteReader(input.bytes(input.count()));
  const [distances, others, owners, counts, fills] = [column(), column(), column(), column(), column()];
  const block = new WholeColumn(count, numBlocks - 1);
  const owner = new Int32Array(count);
  const refs = new WholeColumn(count, 1);
  const filled = new WholeColumn(count, known.blockSize);
  const guesses = new BlockGuesses(known);
  let last = 0;
  for (let step = 0; step < steps; step++) {
    if (step % TOLD === 0) progress(start[step]! / count);
    guesses.begin();
    for (let i = start[step]!; i < start[step + 1]!; i++) {
      const place = distances.unsigned();
      const distance = place % 2 === 1 ? (place - 1) / 2 : -place / 2;
      const named = place === OTHER ? last + others.signed() : guesses.at(distance);
      if (named === undefined || !(named >= 0 && named < numBlocks))
        throw new DamagedError(`it names ${named} of ${numBlocks}`);
      block.set(i, named);
      last = named + 1;
      owner[i] = guesses.owner(named) + owners.signed();
      const slots = guesses.filled(named, owner[i]!) + fills.signed();
      refs.set(i, guesses.refs(named) + counts.signed());
      filled.set(i, slots);
      guesses.learn(named, owner[i]!, slots);
    }
  }
  within(owner, CACHED, requests);
  return { start, block: block.take(), owner, refs: refs.take(), filled: filled.take() };
}
