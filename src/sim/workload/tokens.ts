import { invariant } from '../../core/invariant.ts';
import type { TokenSource } from '../../core/token-source.ts';
import type { Tokens } from '../../core/units.ts';
import { mix32 } from '../rng.ts';

/** What a stream of unique tokens belongs to; keeps requests, prefixes and conversations apart. */
export type StreamKind = 'request' | 'prefix' | 'conversation';
const STREAM_KINDS: readonly StreamKind[] = ['request', 'prefix', 'conversation'];

/** The id of the `index`-th stream of its kind, for `uniqueTokens`. */
export function streamId(kind: StreamKind, index: number): number {
  return STREAM_KINDS.indexOf(kind) * 2 ** 32 + index;
}

/**
 * Content nobody else has: 31-bit numbers mixed from stream and position. Two streams agree at a position
 * by chance once in 2³¹, so a whole block of theirs never does.
 *
 * @param stream a whole number up to 2⁵³.
 */
export function uniqueTokens(stream: number): TokenSource {
  const low = stream | 0;
  const high = Math.floor(stream / 2 ** 32) | 0;
  return { at: position => token(low, high, position) };
}

/** A stretch of another source: `length` tokens of it from its position `offset`. */
export interface TokenPart {
  readonly source: TokenSource;
  readonly offset: number;
  readonly length: Tokens;
}

/** Parts one after the other. The last one has no end: its `length` is not looked at. */
export function concatTokens(parts: readonly TokenPart[]): TokenSource {
  invariant(parts.length > 0, () => 'concatTokens of nothing');
  const starts: number[] = [];
  let total = 0;
  for (const part of parts) {
    starts.push(total);
    total += part.length;
  }
  return {
    at(position) {
      let low = 0;
      let high = parts.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (starts[middle]! <= position) low = middle;
        else high = middle - 1;
      }
      const part = parts[low]!;
      return part.source.at(part.offset + position - starts[low]!);
    },
  };
}

/** Content known by block ids, as in Mooncake's traces. */
export class BlockTokens implements TokenSource {
  readonly ids: readonly number[];
  readonly tokensPerId: Tokens;
  /** Positions from here on are unique to the request. */
  readonly knownTokens: Tokens;
  readonly #rest: TokenSource;

  constructor(ids: readonly number[], tokensPerId: Tokens, knownTokens: Tokens, rest: TokenSource) {
    this.ids = ids;
    this.tokensPerId = tokensPerId;
    this.knownTokens = Math.min(knownTokens, ids.length * tokensPerId);
    this.#rest = rest;
  }

  at(position: number): number {
    if (position >= this.knownTokens) return this.#rest.at(position);
    const block = Math.floor(position / this.tokensPerId);
    const id = this.ids[block]!;
    // The constant keeps ids apart from streams of the same number.
    return token(id | 0, Math.floor(id / 2 ** 32) ^ 0x5bd1e995, position - block * this.tokensPerId);
  }
}

/**
 * The same id means the same `tokensPerHash` tokens, in any request.
 *
 * @param knownTokens how many positions the ids speak for (the prompt's, when they describe prompts): a
 *   last block that ends beyond is known up to here only.
 * @param uniqueId the request's own stream (see `streamId`), for the positions after that.
 */
export function blockTokens(
  hashIds: readonly number[],
  tokensPerHash: Tokens,
  knownTokens: Tokens,
  uniqueId: number,
): TokenSource {
  return new BlockTokens(hashIds, tokensPerHash, knownTokens, uniqueTokens(uniqueId));
}

/**
 * The ids of the whole blocks in the first `tokens` tokens, each covering all that comes before it: equal
 * ids mean equal prefixes. 48 bits, so that two of a million differing ones agree once in 500 times.
 */
export function blockIds(source: TokenSource, tokens: Tokens, tokensPerId: Tokens): number[] {
  const ids: number[] = [];
  let low = 0x2545f491;
  let high = 0x4f6cdd1d;
  for (let block = 0; block < Math.floor(tokens / tokensPerId); block++) {
    for (let i = 0; i < tokensPerId; i++) {
      const value = source.at(block * tokensPerId + i);
      low = mix32(low ^ Math.imul(value, 0x9e3779b1)) + high;
      high = mix32(high ^ value ^ low);
    }
    ids.push((low >>> 0) + (high & 0xffff) * 2 ** 32);
  }
  return ids;
}

function token(low: number, high: number, position: number): number {
  // A bijection of `low` at any position and `high`: streams of one kind never agree before the cut to 31 bits.
  return (
    mix32(mix32(Math.imul(position, 0x9e3779b1) ^ low) + Math.imul(high, 0xc2b2ae3d) + high) & 0x7fffffff
  );
}
