import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../src/core/errors.ts';
import { readCsvRows } from '../../../src/sim/kernels/csv-rows.ts';
import { cpuSeconds } from '../../support/cpu.ts';
import { encode } from './folder.ts';

const header = 'gemm_dtype,m,n,k,latency_ms\n';
const read = (text: string) => readCsvRows(encode(text), 'gemm', 'gemm.csv');

test('reads every column, whatever the line ends and the order', () => {
  const text =
    '\uFEFFm,extra,latency_ms,k,gemm_dtype,n\r\n8,x,0.0123,64,fp8,32\r\n\r\n16,y,1e-2,64,bfloat16,32';
  const rows = read(text);
  expect(rows.length).toBe(2);
  expect([...rows.numbers.get('m')!]).toEqual([8, 16]);
  expect([...rows.numbers.get('latency')!]).toEqual([0.0123, 0.01]);
  const { codes, values } = rows.texts.get('gemm_dtype')!;
  expect([...codes].map(code => values[code])).toEqual(['fp8', 'bfloat16']);
});

test('columns that older files lack have their meaning', () => {
  const rows = readCsvRows(
    encode(
      'kv_cache_dtype,num_heads,num_key_value_heads,head_dim,batch_size,isl,latency\nbfloat16,8,0,128,1,16,0.01',
    ),
    'context_attention',
    'a.csv',
  );
  expect([rows.numbers.get('step')![0], rows.numbers.get('window_size')![0]]).toEqual([0, 0]);
  expect(rows.texts.get('attn_dtype')!.values).toEqual(['bfloat16']);
});

test('numbers are the nearest doubles to their text', () => {
  const number = fc.oneof(
    fc.double({ min: 1e-9, max: 1e9, noNaN: true }).map(String),
    fc.tuple(fc.nat(99_999_999), fc.nat(9_999_999)).map(([whole, part]) => `${whole}.${part}1`),
    fc.double({ min: 1e-3, max: 1e6, noNaN: true }).map(value => value.toPrecision(5)),
  );
  fc.assert(
    fc.property(fc.array(number, { minLength: 1 }), texts => {
      const rows = read(header + texts.map(text => `bfloat16,1,2,3,${text}`).join('\n'));
      expect([...rows.numbers.get('latency')!]).toEqual(texts.map(Number));
    }),
  );
});

test.each([
  ['', 'the file is empty'],
  [header, 'the table holds no rows'],
  ['gemm_dtype,m,n,latency_ms\nfp8,1,2,3', 'line 1: no column k'],
  [
    `${header}fp8,1,2,3,0.1\nfp8,1,2,three,0.1\n`,
    'line 3, column k: expected a number of at least 0, found "three"',
  ],
  [`${header}fp8,1,2,3,\n`, 'line 2, column latency: expected a number above 0, found ""'],
  [`${header}fp8,1,2,3,0\n`, 'column latency: expected a number above 0'],
  [`${header}fp8,-1,2,3,0.1\n`, 'column m: expected a number of at least 0, found "-1"'],
  [`${header}fp8,1,2\n`, 'line 2: 3 fields where the header has 5'],
])('says where %j is no table', (text, message) => {
  expect(() => read(text)).toThrow(UsageError);
  expect(() => read(text)).toThrow(message);
  expect(() => read(text)).toThrow('gemm.csv');
});

test('reads 100,000 rows quickly', async () => {
  const text = header + 'bfloat16,32768,65536,12288,60.324\n'.repeat(100_000);
  const bytes = encode(text);
  const spent = await cpuSeconds(() => expect(readCsvRows(bytes, 'gemm', 'gemm.csv').length).toBe(100_000));
  // The aim is 150 ms; loose, as machines differ.
  expect(spent).toBeLessThan(1);
});
