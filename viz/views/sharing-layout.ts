import { CACHED } from '../../src/trace/recording.ts';
import type { Pane, Size } from '../picture.ts';
import { pinnedRequest } from './lanes.ts';
import { fontSize, roomOf } from './marks.ts';
import { remember } from './remember.ts';
import { cachedTables } from './sharing-cached.ts';
import { type Table, tablesAt } from './sharing-tables.ts';
import { type Branch, type Tree, treeOf } from './sharing-tree.ts';

const margin = { top: 40, right: 10, bottom: 20 };
/** Rows of fewer pixels are not told apart; of more, they would be beams. */
const [THINNEST, THICKEST] = [4, 60];
/** What a block that several tables share is given, so that its number can be read. */
const READABLE = 30;

export interface Counts {
  readonly tables: number;
  /** Blocks that they hold, and that they would hold if each had its own. */
  readonly held: number;
  readonly alone: number;
}

export interface SharingLayout {
  readonly counts: Counts;
  readonly tree: Tree;
  /** Tables that end in blocks which nobody holds. */
  readonly cached: ReadonlySet<Table>;
  readonly cachedLeftOut: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly pitch: number;
  /** Logical blocks of the longest table, and those within which tables share. */
  readonly depth: number;
  readonly sharedDepth: number;
  /** Pixels of the part within which tables share. */
  readonly sharedWidth: number;
}

const remembered = remember<SharingLayout>();

export function layoutOf(pane: Pane, size: Size): SharingLayout {
  const pinned = pinnedRequest(pane);
  const key = `${pane.step} ${size.width} ${size.height} ${pinned}`;
  return remembered(pane.recording, key, () => lay(pane, size, pinned));
}

function lay(pane: Pane, { width, height }: Size, pinned: number | undefined): SharingLayout {
  const { recording, step, blocks } = pane;
  const live = tablesAt(recording, step);
  const counts = count(live, recording.memory.numBlocks);
  const bottom = Math.max(margin.top + THINNEST, height - margin.bottom);
  const most = Math.max(1, Math.floor((bottom - margin.top) / THINNEST));
  const shown = live.length > most ? chosen(treeOf(live), most, pinned) : live;
  const full = shown.length < live.length || shown.length >= most;
  const all = full ? [] : cachedTables(pane, shown);
  const cached = all.slice(0, most - shown.length);
  const tree = treeOf([...shown, ...cached]);
  let [depth, sharedDepth] = [1, 0];
  for (const branch of tree.branches) {
    depth = Math.max(depth, branch.to);
    sharedDepth = Math.max(sharedDepth, sharedUntil(branch, blocks.refs, blocks.owner));
  }
  const names = tree.rows.map(table => nameOf(pane, table));
  const left = 18 + Math.max(roomOf('000'), ...names.map(name => roomOf(name)));
  const right = Math.max(left + 20, width - margin.right);
  const pitch = Math.min(THICKEST, (bottom - margin.top) / Math.max(1, tree.rows.length));
  return {
    counts,
    tree,
    cached: new Set(cached),
    cachedLeftOut: all.length - cached.length,
    left,
    right,
    top: margin.top,
    bottom: margin.top + pitch * Math.max(1, tree.rows.length),
    pitch,
    depth,
    sharedDepth,
    sharedWidth: sharedWidth(right - left, depth, sharedDepth),
  };
}

/** Blocks that tables share get what their numbers need, as long as the others keep a third. */
function sharedWidth(width: number, depth: number, sharedDepth: number): number {
  const even = (width * sharedDepth) / depth;
  if (sharedDepth === depth) return width;
  return Math.max(even, Math.min(READABLE * sharedDepth, (width * 2) / 3));
}

function sharedUntil({ from, to, blocks }: Branch, refs: Uint16Array, owner: Int32Array): number {
  for (let i = to - 1; i >= from; i--) {
    const block = blocks[i]!;
    if (block >= 0 && owner[block] !== CACHED && refs[block]! > 1) return i + 1;
  }
  return 0;
}

function count(tables: readonly Table[], numBlocks: number): Counts {
  const seen = new Uint8Array(numBlocks);
  let [held, alone] = [0, 0];
  for (const { blocks } of tables) {
    for (const block of blocks) {
      if (block < 0) continue;
      alone++;
      if (seen[block] === 0) held++;
      seen[block] = 1;
    }
  }
  return { tables: tables.length, held, alone };
}

/** Of more tables than there is room for, those that share most: whole trees, and of one that is too large, a part. */
function chosen({ rows, branches, roots }: Tree, most: number, pinned: number | undefined): Table[] {
  const saved = new Map<number, number>();
  for (const { first, last, from, to } of branches) {
    const root = rootOf(roots, first);
    saved.set(root, (saved.get(root) ?? 0) + (last - first - 1) * (to - from));
  }
  const groups = roots.map((first, i) => ({ first, last: roots[i + 1] ?? rows.length }));
  const has = ({ first, last }: { first: number; last: number }) =>
    rows.slice(first, last).some(({ request }) => request === pinned);
  groups.sort((a, b) => Number(has(b)) - Number(has(a)) || saved.get(b.first)! - saved.get(a.first)!);
  const picked = new Set<Table>();
  for (const { first, last } of groups) {
    const room = most - picked.size;
    const every = Math.max(1, (last - first) / Math.max(1, room));
    const own = rows.slice(first, last).findIndex(({ request }) => request === pinned);
    for (let i = 0; i < room && Math.floor(i * every) < last - first; i++) {
      const at = Math.floor(i * every);
      picked.add(rows[first + (own >= at && own < at + every ? own : at)]!);
    }
  }
  return rows.filter(table => picked.has(table));
}

function rootOf(roots: readonly number[], row: number): number {
  let [low, high] = [0, roots.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (roots[middle]! <= row) low = middle + 1;
    else high = middle;
  }
  return roots[low - 1]!;
}

/** Request, and sample where it has several. */
export function nameOf({ recording }: Pane, { request, sequence }: Table): string {
  const { id, width } = recording.requests[request]!;
  return width > 1 ? `${id}·${sequence}` : String(id);
}

export function xOf({ left, right, depth, sharedDepth, sharedWidth: wide }: SharingLayout, index: number) {
  if (index <= sharedDepth) return left + (sharedDepth === 0 ? 0 : (wide * index) / sharedDepth);
  return left + wide + ((right - left - wide) * (index - sharedDepth)) / (depth - sharedDepth);
}

export const yOf = ({ top, pitch }: SharingLayout, row: number) => top + row * pitch;

/** Rows from this height on say whose they are. */
export const LABELLED = fontSize + 3;
