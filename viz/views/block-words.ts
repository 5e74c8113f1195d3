import { CACHED, FREE, type Recording } from '../../src/trace/recording.ts';
import type { Holding } from '../../src/trace/table-replay.ts';
import type { Pane } from '../picture.ts';
import { copyBegins, freeIsUseless, wasteKind } from './block-slots.ts';
import { holdingsOf } from './tables.ts';
import { duration, plural, whole } from './words.ts';

const waste = {
  internal: 'its request will never use them',
  external: "the allocator's round-up",
} as const;

/** Sequences that are named; more are counted. */
const NAMED = 4;

/** All that is known of a block at a step. */
export function blockWords({ recording, blocks, step }: Pane, block: number): string[] {
  const { blockSize } = recording.memory;
  const owner = blocks.owner[block]!;
  const name = `${blockSize === 1 ? 'slot' : 'block'} ${whole(block)}`;
  const age = ageWords(recording.steps.time, blocks.since[block]!, step);
  if (owner === FREE && block >= copyBegins(recording, blocks, step))
    return [`${name} · external`, 'taken by the copy of the tensor, which grows by being copied'];
  if (owner === FREE) {
    const useless = freeIsUseless(recording, step);
    return [
      `${name} · free`,
      ...(useless ? ['of no use now: the next request needs more, or more in one piece'] : []),
      age,
    ];
  }
  if (owner === CACHED) {
    const tokens = plural(blocks.filled[block]!, 'token');
    return [`${name} · free, cached`, `${tokens} of a prefix that a request may find again`, age];
  }
  const refs = blocks.refs[block]!;
  const filled = blocks.filled[block]!;
  const unused = blocks.unused[block]!;
  const reserved = blockSize - filled - unused;
  const kind = wasteKind(recording, blocks, block) as keyof typeof waste;
  return [
    `${name} · request ${recording.requests[owner]!.id}${refs > 1 ? ', shared' : ''}`,
    `${whole(filled)} of ${plural(blockSize, 'slot')} ${filled === 1 ? 'holds' : 'hold'} KV`,
    ...(reserved > 0 ? [`${whole(reserved)} reserved: its request will use them`] : []),
    ...(unused > 0 ? [`${whole(unused)} ${kind}: ${waste[kind]}`] : []),
    ...(refs === 0
      ? ['in no block table']
      : holderWords(recording, holdingsOf(recording, block, step), refs)),
    age,
  ];
}

function holderWords({ requests }: Recording, holdings: readonly Holding[], refs: number): string[] {
  const named = holdings.slice(0, NAMED).map(({ request, sequence, index }) => {
    const { id, width } = requests[request]!;
    return `logical block ${whole(index)} of request ${id}${width > 1 ? `, sequence ${sequence}` : ''}`;
  });
  if (refs === 1) return named;
  const more = holdings.length - named.length;
  return [`held by ${plural(refs, 'sequence')}:`, ...named, ...(more > 0 ? [`and ${whole(more)} more`] : [])];
}

function ageWords(time: Float64Array, since: number, step: number): string {
  if (step <= since) return 'since this step';
  return `so for ${plural(step - since, 'step')}, ${duration(time[step]! - time[since]!)}`;
}
