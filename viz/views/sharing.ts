import type { Hit, Pane, View } from '../picture.ts';
import { blockWords } from './block-words.ts';
import { pinnedRequest } from './lanes.ts';
import { requestWords } from './request-words.ts';
import { axis, rowNames } from './sharing-axes.ts';
import { layoutOf, nameOf, type SharingLayout, xOf } from './sharing-layout.ts';
import { pinnedMarks, treeMarks } from './sharing-marks.ts';
import { type Piece, piecesOf } from './sharing-pieces.ts';
import { heading, summary, unitOf } from './sharing-words.ts';
import { stepName } from './steps.ts';
import { plural, whole } from './words.ts';

/** Which block tables begin alike: the tree of what they share, and the blocks that were copied to be written. */
export const sharing: View = {
  name: 'sharing',
  title: 'Sharing of blocks',

  draw(pane, size, theme) {
    const { recording, step } = pane;
    const layout = layoutOf(pane, size);
    const pinned = pinnedRequest(pane);
    const marks = heading(recording, layout, size.width, theme);
    if (layout.tree.rows.length > 0)
      marks.push(
        ...treeMarks(pane, layout, theme),
        ...pinnedMarks(pane, layout, pane.pin?.kind === 'block' ? undefined : pinned, theme),
        ...rowNames(pane, layout, pinned, theme),
        ...axis(pane, layout, theme),
      );
    return {
      ...size,
      label: `Sharing of blocks at ${stepName(step)}: ${summary(layout, recording)[0]}`,
      marks,
    };
  },

  at(pane, size, x, y) {
    return hitAt(pane, layoutOf(pane, size), x, y);
  },
};

function hitAt(pane: Pane, layout: SharingLayout, x: number, y: number): Hit | undefined {
  const { tree, top, pitch, left, right, cached } = layout;
  const row = Math.floor((y - top) / pitch);
  const table = tree.rows[row];
  if (!table || y < top || x > right) return undefined;
  if (x < left && !cached.has(table)) {
    const { request } = table;
    return { pin: { kind: 'request', request }, text: requestWords(pane.recording, request, pane.time) };
  }
  const index = indexAt(layout, x);
  const branch = tree.branches.find(
    ({ first, last, from, to }) => row >= first && row < last && index >= from && index < to,
  );
  const piece = branch && piecesOf(branch, pane).find(({ from, to }) => index >= from && index < to);
  if (!branch || !piece) return undefined;
  const block = branch.blocks[index]!;
  if (piece.kind === 'own' && piece.to - piece.from > 1) {
    const { request } = table;
    return {
      pin: { kind: 'request', request },
      text: runWords(pane, piece, branch.blocks, nameOf(pane, table)),
    };
  }
  const { copy } = piece;
  const copied = copy ? [`copied: was ${unitOf(pane)} ${whole(copy.from)}, which others still read`] : [];
  const [first, ...rest] = blockWords(pane, block);
  return { pin: { kind: 'block', block }, text: [first!, ...copied, ...rest] };
}

/** The logical block at a place of the axis. */
function indexAt(layout: SharingLayout, x: number): number {
  let [low, high] = [0, layout.depth];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xOf(layout, middle + 1) <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Physical blocks that are named; more are counted. */
const NAMED = 6;

function runWords(pane: Pane, { from, to }: Piece, named: readonly number[], name: string): string[] {
  const { blocks, recording } = pane;
  const own = named.slice(from, to);
  const tokens = own.reduce((sum, block) => sum + blocks.filled[block]!, 0);
  const unit = unitOf(pane);
  const more = own.length > NAMED ? ` and ${whole(own.length - NAMED)} more` : '';
  return [
    `${plural(own.length, unit)} of request ${name} alone`,
    `logical ${unit}s ${whole(from)} to ${whole(to - 1)}`,
    `${plural(tokens, 'token')} in ${plural(own.length * recording.memory.blockSize, 'slot')}`,
    `physical: ${own.slice(0, NAMED).map(whole).join(', ')}${more}`,
  ];
}
