import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toF32 } from '../../../src/backends/model/to-f32.ts';

const words = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);

test('float16: zeros, the smallest, the largest, infinities', () => {
  const bytes = words(0, 0x8000, 1, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x3555, 0x7bff, 0x7c00, 0xfc00, 0x7e00);
  const values = [...toF32({ dtype: 'F16', shape: [12], bytes })];
  expect(values).toEqual([
    0,
    -0,
    2 ** -24,
    1023 / 2 ** 24,
    2 ** -14,
    1,
    -2,
    0.333251953125,
    65504,
    Infinity,
    -Infinity,
    NaN,
  ]);
});

test('bfloat16 is the upper half of float32', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 50 }), bits => {
      const view = new DataView(new ArrayBuffer(4));
      const expected = bits.map(word => {
        view.setUint32(0, word * 65_536);
        return view.getFloat32(0);
      });
      expect([...toF32({ dtype: 'BF16', shape: [bits.length], bytes: words(...bits) })]).toEqual(expected);
    }),
  );
});

test('bytes may lie anywhere, and the values do not change with them', () => {
  fc.assert(
    fc.property(fc.float32Array({ minLength: 1 }), fc.nat(5), (values, offset) => {
      const memory = new Uint8Array(values.byteLength + offset);
      const bytes = memory.subarray(offset);
      bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      const read = toF32({ dtype: 'F32', shape: [values.length], bytes });
      const halves = { dtype: 'BF16', shape: [2 * values.length], bytes } as const;
      expect(toF32(halves)).toEqual(toF32({ ...halves, bytes: bytes.slice() }));
      memory.fill(7);
      expect(read).toEqual(values);
    }),
  );
});
