import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../../src/core/errors.ts';
import { lines } from '../../../../src/sim/workload/trace/lines.ts';
import { cpuSeconds } from '../../../support/cpu.ts';
import { pieces } from './data.ts';

async function collect(source: AsyncIterable<Uint8Array>, maxLine?: number) {
  const found: { text: string; number: number }[] = [];
  for await (const { first, texts } of lines(source, 'file', maxLine)) {
    texts.forEach((text, i) => {
      found.push({ text, number: first + i });
    });
  }
  return found;
}
const texts = async (content: string | Uint8Array, size?: number) =>
  (await collect(pieces(content, size))).map(line => line.text);

test('LF, CRLF, blank lines, and a last line with and without its end', async () => {
  expect(await texts('a\nb\r\n\r\nc')).toEqual(['a', 'b', '', 'c']);
  expect(await texts('a\nb\n')).toEqual(['a', 'b']);
  expect(await texts('a\rb\r')).toEqual(['a\rb']);
  expect(await texts('\n')).toEqual(['']);
  expect(await texts('')).toEqual([]);
});

test('a byte-order mark is dropped, at the beginning only', async () => {
  expect(await texts('\ufeffa\n\ufeffb', 1)).toEqual(['a', '\ufeffb']);
});

test('any text in any pieces gives the same lines, numbered from 1', async () => {
  const text = fc
    .array(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\n', '\r\n', 'é', '🙂', '"')), {
      maxLength: 40,
    })
    .map(parts =>
      parts
        .join('')

        .replace(/^\ufeff+/, ''),
    );
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1 }),
      async (content, sizes) => {
        const bytes = new TextEncoder().encode(content);
        async function* cut() {
          for (let from = 0, i = 0; from < bytes.length; i++) {
            // Empty pieces are allowed, but not for ever.
            const size = Math.max(sizes[i % sizes.length]!, i % 2);
            yield bytes.subarray(from, (from += size));
          }
        }
        const expected = content.split('\n');
        if (expected.at(-1) === '') expected.pop();
        expect(await collect(cut())).toEqual(
          expected.map((line, i) => ({ text: line.replace(/\r$/, ''), number: i + 1 })),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test('one large piece comes in batches of bounded size', async () => {
  let largest = 0;
  let total = 0;
  for await (const batch of lines(pieces('12345678\n'.repeat(100_000), 1e9), 'file')) {
    largest = Math.max(largest, batch.texts.length);
    total += batch.texts.length;
  }
  expect(total).toBe(100_000);
  expect(largest).toBeLessThan(5000);
});

test('a line over the limit is an error that names it, wherever the pieces end', async () => {
  for (const size of [1, 7, 1000]) {
    for (const content of [`ok\n${'x'.repeat(40)}`, `ok\n${'x'.repeat(40)}\nok\n`]) {
      await expect(collect(pieces(content, size), 20)).rejects.toThrow(
        new UsageError('file: line 2 is longer than 20 characters; is this a trace?'),
      );
    }
  }
  expect((await collect(pieces('x'.repeat(20)), 20)).length).toBe(1);
});

test('a long line in many pieces takes linear time', async () => {
  const spent = await cpuSeconds(async () => expect((await texts('x'.repeat(4e6), 64))[0]!.length).toBe(4e6));
  expect(spent).toBeLessThan(5);
});

test('bytes that are not UTF-8 are an error', async () => {
  const message = 'file: line 1 or one soon after it is not UTF-8 text';
  await expect(texts(Uint8Array.of(0x61, 0xff, 0x0a))).rejects.toThrow(new UsageError(message));
  await expect(texts(Uint8Array.of(0x61, 0xc3))).rejects.toThrow(new UsageError(message));
});
