import { blockHistory } from '../../src/trace/block-history.ts';
import type { Recording } from '../../src/trace/recording.ts';
import type { Mark, Theme } from '../picture.ts';
import { idleHatch, ink, sharedHatch } from '../theme.ts';
import { type Entry, roomOf, swatch, text } from './marks.ts';
import { allCopies } from './sharing-copies.ts';
import type { SharingLayout } from './sharing-layout.ts';
import { percent, plural, whole } from './words.ts';

/** Its colour carries a corner, as its blocks do. */
const JUST_COPIED = 'just copied';

/** What memory is handed out in. */
export const unitOf = ({ recording }: { readonly recording: Recording }) =>
  recording.memory.blockSize === 1 ? 'slot' : 'block';

/** What sharing saves, in words of several lengths, the longest first. */
export function summary({ counts }: SharingLayout, recording: Recording): string[] {
  const { tables, held, alone } = counts;
  const unit = unitOf({ recording });
  if (tables === 0) return ['no table holds memory now'];
  const what = `${plural(held, unit)} held by ${plural(tables, 'table')}`;
  if (held === alone) return [`${what}: nothing is shared`, 'nothing is shared'];
  const saved = percent(1 - held / alone);
  return [
    `${what} would be ${whole(alone)} without sharing: ${saved} saved`,
    `${plural(held, unit)} in place of ${whole(alone)}: ${saved} saved`,
    `${saved} saved`,
  ];
}

/** What would have to be on for tables to share. */
function advice(recording: Recording): string[] {
  if (recording.memory.kind !== 'paged')
    return [
      'a reservation is of one sequence; only blocks of paged memory can be shared',
      'only paged memory can be shared',
    ];
  if (blockHistory.of(recording).caches)
    return [
      'no two prompts begin alike now; those with a common prefix, or several samples (n > 1), share',
      'no two prompts begin alike now',
    ];
  return [
    'prefix caching, with prompts that begin alike, or several samples a request (n > 1) would share',
    'prefix caching or n > 1 would share',
  ];
}

/** What there was no room for. */
function leftOut({ counts, tree, cached, cachedLeftOut }: SharingLayout): string[] {
  const shown = tree.rows.length - cached.size;
  if (shown < counts.tables)
    return [
      `${whole(shown)} of ${whole(counts.tables)} tables, those that share most`,
      `${whole(shown)} of ${whole(counts.tables)} tables`,
    ];
  if (cachedLeftOut > 0) return [`${plural(cachedLeftOut, 'cached prefix', 'cached prefixes')} not shown`];
  return [];
}

function entries(recording: Recording, layout: SharingLayout, theme: Theme): Entry[] {
  const { shares, caches } = blockHistory.of(recording);
  const owners = [0, 1, 2].map(request => theme.owner(request));
  return [
    ...(shares ? [{ colors: [theme.owner(0)], hatch: sharedHatch, text: 'in several tables' }] : []),
    { colors: owners, text: 'in one, by owner' },
    ...(caches ? [{ colors: [theme.kinds.cached], hatch: idleHatch, text: 'free, cached' }] : []),
    ...(allCopies.of(recording).step.length > 0 ? [{ colors: [theme.owner(0)], text: JUST_COPIED }] : []),
  ].filter(() => layout.counts.tables > 0 || caches);
}

/** Two lines above the tree: what it comes to, and what is not shown; what would have to be on, and what colours mean. */
export function heading(recording: Recording, layout: SharingLayout, width: number, theme: Theme): Mark[] {
  const { counts } = layout;
  const longestIn = (variants: readonly string[], room: number) =>
    variants.find(words => roomOf(words) <= room);
  const out = longestIn(leftOut(layout), (width - 16) * 0.6);
  const room = width - 16 - (out === undefined ? 0 : roomOf(out) + 14);
  const said = longestIn(summary(layout, recording), room);
  const marks: Mark[] = [];
  if (said !== undefined) marks.push(text(8, 13, said, theme.text));
  if (out !== undefined) marks.push(text(width - 8, 13, out, theme.muted, 'end'));
  const nothing = counts.held === counts.alone && counts.tables > 0;
  const why = nothing ? longestIn(advice(recording), width - 16) : undefined;
  let x = 8;
  if (why !== undefined) {
    marks.push(text(x, 29, why, theme.muted));
    x += roomOf(why) + 14;
  }
  for (const entry of entries(recording, layout, theme)) {
    const takes = 13 + roomOf(entry.text);
    if (x + takes > width - 8) break;
    marks.push(...swatch(x, 29, entry, theme));
    if (entry.text === JUST_COPIED)
      marks.push({ kind: 'area', points: [x, 20.5, x + 7, 20.5, x, 27.5], color: ink });
    x += takes + 12;
  }
  return marks;
}
