import { CACHED } from '../../src/trace/recording.ts';
import type { Pane } from '../picture.ts';
import { type Copy, recentCopies } from './sharing-copies.ts';
import type { Branch } from './sharing-tree.ts';

/** Blocks `[from, to)` of a branch that are drawn as one: held by several tables, by one, just copied, or by none. */
export interface Piece {
  readonly kind: 'shared' | 'own' | 'copied' | 'cached';
  readonly from: number;
  readonly to: number;
  /** Tables that hold the first of them. */
  readonly refs: number;
  readonly copy: Copy | undefined;
}

export function piecesOf({ from, to, blocks: named }: Branch, { recording, step, blocks }: Pane): Piece[] {
  const copies = recentCopies(recording, step);
  const pieces: Piece[] = [];
  let piece: { -readonly [K in keyof Piece]: Piece[K] } | undefined;
  for (let i = from; i < to; i++) {
    const block = named[i]!;
    if (block < 0) continue;
    const refs = blocks.refs[block]!;
    const copy = copies.size > 0 ? copies.get(block) : undefined;
    const kind = blocks.owner[block] === CACHED ? 'cached' : refs > 1 ? 'shared' : copy ? 'copied' : 'own';
    if (piece?.kind === kind && piece.to === i && piece.refs === refs && kind !== 'copied') piece.to = i + 1;
    else pieces.push((piece = { kind, from: i, to: i + 1, refs, copy }));
  }
  return pieces;
}
