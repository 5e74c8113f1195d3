import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/** Uniform numbers in [0, 1), multiples of 2⁻⁵³. */
export type Random = () => number;

/**
 * The random numbers of one consumer. Streams of different names share a seed but no state, so a new
 * consumer, or one that draws more, changes nobody else's numbers: two policies meet the same workload
 * (common random numbers). The same seed and name give the same numbers everywhere.
 *
 * @param seed any integer up to 2⁵³ in magnitude.
 * @param stream the consumer's name, e.g. `arrivals` or `user/3/turn/7`.
 */
export function createRng(seed: number, stream: string): Random {
  const generator = xoroshiro128plusFromState(stateOf(seed, stream));
  return () => uniformFloat64(generator);
}

/**
 * A 128-bit state from seed and name. Four words hashed apart (the scheme of `cyrb128`, finished with
 * MurmurHash3's mixer) make the states as good as drawn at random; two of 2⁶⁴ streams would have to
 * exist before overlapping becomes likely, the generator's period being 2¹²⁸.
 */
function stateOf(seed: number, stream: string): [number, number, number, number] {
  const low = seed | 0;
  const high = Math.floor(seed / 0x1_0000_0000) | 0;
  let a = mix32(low ^ 0x243f6a88);
  let b = mix32(high ^ 0x85a308d3 ^ a);
  let c = mix32(low ^ 0x13198a2e ^ b);
  let d = mix32(high ^ 0x03707344 ^ c);
  for (let i = 0; i < stream.length; i++) {
    const code = stream.charCodeAt(i);
    a = b ^ Math.imul(a ^ code, 0x238f13af);
    b = c ^ Math.imul(b ^ code, 0xb3b8d2a7);
    c = d ^ Math.imul(c ^ code, 0x38a3d2bd);
    d = a ^ Math.imul(d ^ code, 0xa1b2c4e9);
  }
  a = mix32(a ^ d);
  b = mix32(b ^ a);
  c = mix32(c ^ b);
  // The all-zero state is the generator's fixed point.
  d = mix32(d ^ c) || 1;
  return [a, b, c, d];
}

/** MurmurHash3's 32-bit finaliser: a bijection in which every input bit reaches every output bit. */
export function mix32(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
