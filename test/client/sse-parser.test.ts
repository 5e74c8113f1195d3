import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SseParser } from '../../src/client/sse-parser.ts';

/** The data of the events in these bytes, which come in pieces that end at `cuts`. */
function read(bytes: Buffer, cuts: readonly number[] = []): string[] {
  const found: string[] = [];
  const parser = new SseParser(data => found.push(data));
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    parser.push(bytes.subarray(from, cut));
    from = cut;
  }
  parser.push(bytes.subarray(from));
  parser.end();
  return found;
}

describe('server-sent events', () => {
  test('are the same however the bytes are cut, in the middle of characters and line ends too', () => {
    const text =
      '\uFEFFdata: {"text":"žlutý 🦙 kůň"}\n\n: ping\n\nevent: x\ndata:two\r\ndata: lines\r\n\r\ndata: [DONE]\n\n';
    const bytes = Buffer.from(text);
    const expected = ['{"text":"žlutý 🦙 kůň"}', 'two\nlines', '[DONE]'];
    expect(read(bytes)).toEqual(expected);
    for (let cut = 0; cut <= bytes.length; cut++)
      expect(read(bytes, [cut]), `cut at ${cut}`).toEqual(expected);
    expect(
      read(
        bytes,
        Array.from(bytes, (_, i) => i),
      ),
    ).toEqual(expected);
  });

  test('agree with another parser on any text of fields, comments and line ends', () => {
    const line = fc.constantFrom(
      'data: a',
      'data:b',
      'data',
      'data:',
      'data:  c',
      'id: 1',
      ':x',
      'datum: y',
      'data: 🦙',
      '',
    );
    const texts = fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 12 });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(200), { maxLength: 5 }), (rows, cuts) => {
        // The standard drops an event without its blank line; so that both read the same, all end with one.
        const text = `${rows.map(row => row.join('')).join('')}\n\n`;
        const expected: string[] = [];
        const oracle = createParser({ onEvent: ({ data }) => expected.push(data) });
        oracle.feed(text);
        const bytes = Buffer.from(text);
        const inside = cuts.filter(cut => cut <= bytes.length);
        // Events whose data is empty are no chunks of any API.
        expect(read(bytes, inside)).toEqual(expected.filter(data => data !== ''));
      }),
    );
  });

  test('count without the last blank line as well', () => {
    expect(read(Buffer.from('data: one\n\ndata: [DONE]'))).toEqual(['one', '[DONE]']);
    expect(read(Buffer.from(''))).toEqual([]);
  });
});
