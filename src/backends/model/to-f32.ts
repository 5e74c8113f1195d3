import type { Tensor } from './weights.ts';

let halves: Float32Array | undefined;

/**
 * The values of a tensor, exactly, in memory of their own.
 * Hosts are little-endian, as all that Node is built for today but s390x.
 */
export function toF32({ dtype, bytes }: Tensor): Float32Array {
  if (dtype === 'F32') {
    const values = new Float32Array(bytes.byteLength / 4);
    new Uint8Array(values.buffer).set(bytes);
    return values;
  }
  const words = uint16(bytes);
  const values = new Float32Array(words.length);
  if (dtype === 'BF16') {
    // The upper half of a float32.
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < words.length; i++) bits[i] = words[i]! << 16;
    return values;
  }
  halves ??= everyHalf();
  for (let i = 0; i < words.length; i++) values[i] = halves[words[i]!]!;
  return values;
}

function uint16(bytes: Uint8Array): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}

/** All 65,536 float16 as float32: 256 KiB, and no branches for each value of a tensor. */
function everyHalf(): Float32Array {
  const values = new Float32Array(65_536);
  for (let bits = 0; bits < values.length; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) values[bits] = fraction === 0 ? sign * Infinity : NaN;
    else if (exponent === 0) values[bits] = sign * fraction * 2 ** -24;
    else values[bits] = sign * (1024 + fraction) * 2 ** (exponent - 25);
  }
  return values;
}
