import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openSafetensors } from '../../../src/backends/model/safetensors.ts';
import { UsageError } from '../../../src/core/errors.ts';
import { fileOf, folder, type Given, safetensors, write } from './safetensors-file.ts';

const sizes: Record<string, number> = { F32: 4, F16: 2, BF16: 2 };

const tensors: fc.Arbitrary<Given[]> = fc.uniqueArray(
  fc
    .record({
      name: fc.oneof(
        fc.constantFrom('model.norm.weight', '__proto__', 'a"b\\', 'constructor', 'é😀', '{"x":1}'),
        fc.string({ minLength: 1 }).filter(name => name !== '__metadata__'),
      ),
      dtype: fc.constantFrom('F32', 'F16', 'BF16'),
      shape: fc.array(fc.nat(4), { maxLength: 3 }),
    })
    .chain(given => {
      const length = given.shape.reduce((product, n) => product * n, 1) * sizes[given.dtype]!;
      return fc
        .uint8Array({ minLength: length, maxLength: length })
        .map(bytes => ({ ...given, bytes: Uint8Array.from(bytes) }));
    }),
  { selector: ({ name }) => name, maxLength: 6 },
);

test('what is written is read, tensor by tensor, in any order and in pieces of any size', async () => {
  const path = join(folder(), 'model.safetensors');
  await fc.assert(
    fc.asyncProperty(tensors, fc.integer({ min: 1, max: 300 }), async (given, piece) => {
      write(path, safetensors(given));
      const weights = (await openSafetensors([path])).inPieces(piece);
      try {
        expect([...weights.names].sort()).toEqual(given.map(({ name }) => name).sort());
        for (const { name, bytes } of given) {
          expect(Buffer.compare((await weights.read(name)).bytes, bytes)).toBe(0);
        }
        // Asked for at once, none may overwrite another.
        const read = await Promise.all(given.map(({ name }) => weights.read(name)));
        given.forEach(({ dtype, shape, bytes, name }, i) => {
          expect(weights.has(name)).toBe(true);
          expect(read[i]!.dtype).toBe(dtype);
          expect(read[i]!.shape).toEqual(shape);
          expect(Buffer.compare(read[i]!.bytes, bytes)).toBe(0);
        });
      } finally {
        await weights.close();
      }
    }),
  );
});

const small = safetensors([
  { name: 'a', dtype: 'F32', shape: [2, 3], bytes: new Uint8Array(24) },
  { name: 'b', dtype: 'BF16', shape: [5], bytes: new Uint8Array(10) },
]);

test('a file cut off at any byte, or longer by some, is refused with its name and length', async () => {
  const path = join(folder(), 'cut.safetensors');
  for (let length = 0; length < small.length; length++) {
    write(path, small.subarray(0, length));
    const error = await openSafetensors([path]).catch(thrown => thrown);
    expect(error, `at ${length}`).toBeInstanceOf(UsageError);
    expect(error.message).toContain(path);
    expect(error.message).toMatch(new RegExp(`\\b${length} (bytes|of)`));
  }
  write(path, Buffer.concat([small, new Uint8Array(3)]));
  await expect(openSafetensors([path])).rejects.toThrow(`${path}: has 3 bytes after its last tensor`);
});

test('a file with any byte of its header changed is refused, or tells the same sizes', async () => {
  const path = join(folder(), 'damaged.safetensors');
  const header = small.length - 34;
  await fc.assert(
    fc.asyncProperty(fc.nat(header - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
      const bytes = small.slice();
      bytes[at] = bytes[at]! ^ by;
      write(path, bytes);
      const opened = await openSafetensors([path]).catch(thrown => thrown);
      if (opened instanceof Error) {
        expect(opened).toBeInstanceOf(UsageError);
        expect(opened.message).toContain(path);
        return;
      }
      // A letter of a name, or a type or shape of the same size: nobody can tell.
      let total = 0;
      for (const name of opened.names) total += opened.info(name)!.end - opened.info(name)!.begin;
      await opened.close();
      expect(total).toBe(34);
    }),
    { numRuns: 300 },
  );
});

test('a file that shrinks after it was opened', async () => {
  const path = write(join(folder(), 'm.safetensors'), small);
  const weights = await openSafetensors([path]);
  write(path, small.subarray(0, small.length - 4));
  await expect(weights.read('b')).rejects.toThrow(
    `${path}: cut off within the tensor b, since it was opened`,
  );
  await weights.close();
});

const a = (more: object) => ({ a: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...more } });
const two = (b: readonly [number, number]) => ({
  ...a({}),
  b: { dtype: 'F32', shape: [1], data_offsets: b },
});

test.each<[string, unknown, number, string]>([
  ['HTML', '<html>', 0, 'its header is not JSON'],
  ['a list', [], 0, 'its header must be an object, found []'],
  ['no object', { a: 1 }, 0, 'the tensor "a" is 1'],
  ['type', a({ dtype: 'F23' }), 4, 'the tensor "a" is of the unknown type "F23"'],
  ['shape', a({ shape: [-1] }), 4, 'has the shape [-1]'],
  ['offsets', a({ data_offsets: [0] }), 4, 'has data_offsets [0], but must have two'],
  ['size', a({ data_offsets: [0, 8] }), 8, 'takes 8 bytes, but F32 [1] takes 4'],
  ['backward', a({ data_offsets: [4, 0] }), 4, 'takes -4 bytes, but F32 [1] takes 4'],
  ['gap at the start', a({ data_offsets: [4, 8] }), 8, 'the tensor "a" leaves a gap of 4 bytes'],
  ['gap', two([8, 12]), 12, 'the tensor "b" leaves a gap of 4 bytes'],
  ['overlap', two([2, 6]), 6, 'the tensor "b" overlaps the one before by 2 bytes'],
  ['beyond the end', two([4, 8]), 4, 'cut off: it has'],
  [
    'twice',
    '{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"\\u0061":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}',
    2,
    'two tensors are called "a"',
  ],
])('a header that lies is refused: %s', async (_name, header, length, message) => {
  const path = write(join(folder(), 'm.safetensors'), fileOf(header, new Uint8Array(length)));
  await expect(openSafetensors([path])).rejects.toThrow(UsageError);
  await expect(openSafetensors([path])).rejects.toThrow(message);
  await expect(openSafetensors([path])).rejects.toThrow(path);
});

test('foreign files are told apart', async () => {
  const path = join(folder(), 'm.safetensors');
  write(path, 'version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n');
  await expect(openSafetensors([path])).rejects.toThrow('is the pointer of Git LFS');
  write(path, 'PK\u0003\u0004 a pickle of PyTorch, zipped');
  await expect(openSafetensors([path])).rejects.toThrow('no safetensors file: it begins with "PK');
  await expect(openSafetensors([`${path}.absent`])).rejects.toThrow(`${path}.absent: no such file`);
  await expect(openSafetensors([folder()])).rejects.toThrow(UsageError);
});

test('metadata is no tensor, and types that cannot be computed with are named when they are read', async () => {
  const header = {
    __metadata__: { format: 'pt', data_offsets: '"' },
    ids: { dtype: 'I64', shape: [1], data_offsets: [0, 8] },
    q: { dtype: 'F8_E4M3', shape: [2], data_offsets: [8, 10] },
  };
  const path = write(join(folder(), 'm.safetensors'), fileOf(header, new Uint8Array(10)));
  const weights = await openSafetensors([path]);
  expect(weights.names).toEqual(['ids', 'q']);
  await expect(weights.read('q')).rejects.toThrow(
    `${path}: the tensor q is of type F8_E4M3; supported are F32, F16 and BF16`,
  );
  await expect(weights.read('z')).rejects.toThrow('There is no tensor "z" in m.safetensors');
  await weights.close();
});

const one = (name: string, value: number): Given => ({
  name,
  dtype: 'F16',
  shape: [1],
  bytes: Uint8Array.of(value, 0),
});

test('shards: each tensor from its file, names once, and the index must be right', async () => {
  const place = folder();
  const first = write(join(place, 'm-1.safetensors'), safetensors([one('x', 1), one('extra', 9)]));
  const second = write(join(place, 'm-2.safetensors'), safetensors([one('y', 2)]));
  const both = await openSafetensors(
    [first, second],
    new Map([
      ['x', 'm-1.safetensors'],
      ['y', 'm-2.safetensors'],
    ]),
  );
  expect(both.names).toEqual(['x', 'y']);
  expect((await both.read('x')).bytes[0]).toBe(1);
  expect((await both.read('y')).bytes[0]).toBe(2);
  await both.close();

  await expect(openSafetensors([first, second], new Map([['x', 'm-2.safetensors']]))).rejects.toThrow(
    'says that the tensor "x" is in m-2.safetensors, but it is not there',
  );
  const copy = write(join(place, 'm-3.safetensors'), safetensors([one('x', 3)]));
  await expect(openSafetensors([first, copy])).rejects.toThrow(`"x" is in ${first} and in ${copy}`);
});
