import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { contents, folder, realTrace, refuse, succeed } from '../support/cli.ts';

const replay = ['compare', '--policy', 'vllm', '--model', 'llama-3.1-8b', '--gpu', 'h100'];

describe('the real traces are replayed', () => {
  test.each([
    'azure2023_conv.csv.gz',
    'azure2023_code.csv.gz',
    'mooncake_conversation_trace.jsonl.gz',
    'mooncake_synthetic_trace.jsonl.gz',
    'sharegpt-llama-3.1-8b-300-sps10.jsonl.gz',
    'vidur_arxiv_summarization_lengths.csv.gz',
  ])('%s', async name => {
    const cwd = folder();
    const args = [...replay, '--trace', realTrace(name), '--num-prompts', '150', '--out', 'o.json'];
    const stdout = await succeed(args, { cwd, alone: name === 'azure2023_conv.csv.gz' });
    expect(stdout.split('\n')[0]).toBe(`llama-3.1-8b on h100 · ${name} · 150 requests`);
    const { results } = JSON.parse(readFileSync(join(cwd, 'o.json'), 'utf8'));
    expect(results[0].completed + results[0].failed).toBe(150);
    expect(results[0].completed).toBeGreaterThan(140);
    // Only these know what prompts share.
    if (/mooncake|sharegpt/.test(name)) expect(results[0].prefix_cache_hits).toBeGreaterThan(0);
  });

  test('unpacked or packed, whatever the file is called', async () => {
    const cwd = folder();
    const packed = readFileSync(realTrace('azure2023_conv.csv.gz'));
    writeFileSync(join(cwd, 'packed.txt'), packed);
    writeFileSync(join(cwd, 'unpacked.gz'), gunzipSync(packed));
    writeFileSync(
      join(cwd, 'twice.csv'),
      Buffer.concat(halves(gunzipSync(packed)).map(part => gzipSync(part))),
    );
    const results = [];
    for (const trace of ['packed.txt', 'unpacked.gz', 'twice.csv']) {
      const args = [...replay, '--trace', trace, '--num-prompts', '100', '--json', '--out', 'o.json'];
      results.push(JSON.parse(await succeed(args, { cwd })).results);
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  test('faster with --time-scale', async () => {
    const cwd = folder();
    const args = [...replay, '--trace', realTrace('azure2023_conv.csv.gz'), '--num-prompts', '100', '--json'];
    const [slow] = JSON.parse(await succeed([...args, '--time-scale', '4'], { cwd })).results;
    const [fast] = JSON.parse(await succeed([...args, '--time-scale', '0.25'], { cwd })).results;
    expect(slow.duration).toBeGreaterThan(8 * fast.duration);
  });

  test('to several policies from the start, for each the same requests', async () => {
    const cwd = folder();
    const trace = ['--trace', realTrace('azure2023_code.csv.gz'), '--num-prompts', '50', '--json'];
    const { results } = JSON.parse(
      await succeed([...replay, '--policy', 'orca-max,vllm,sglang', ...trace], { cwd }),
    );
    const inputs = results.map((result: { total_input_tokens: number }) => result.total_input_tokens);
    expect(new Set(inputs).size).toBe(1);
  });
});

const HEAD = 'arrival_s,input_tokens,output_tokens';
const rows = (row: string) => `${HEAD}\n0,10,10\n${row}\n`;
const whole = (name: string, found: string) =>
  `column "${name}": expected a whole number of at least 1, found ${found}`;

describe('a trace that is wrong is refused with the place', () => {
  test.each<[string, string | Buffer, string | RegExp]>([
    [
      'NaN',
      rows('NaN,10,10'),
      'line 3, column "arrival_s": expected a number of seconds of at least 0, found "NaN"',
    ],
    [
      'out of order',
      `${rows('5,10,10')}3,10,10\n`,
      'line 4, column "arrival_s": expected a time not before that of the row above, found "3"',
    ],
    ['a negative length', rows('1,-5,10'), `line 3, ${whole('input_tokens', '"-5"')}`],
    ['a length of zero', rows('1,0,10'), `line 3, ${whole('input_tokens', '"0"')}`],
    ['beyond all numbers', rows('1,1e309,1'), `line 3, ${whole('input_tokens', '"1e309"')}`],
    ['a row that is too short', rows('1,5'), `line 3, ${whole('output_tokens', 'nothing')}`],
    ['nothing', '', 'the trace holds no requests'],
    ['a head alone', `${HEAD}\n`, 'the trace holds no requests'],
    ['a head alone, packed', gzipSync(`${HEAD}\n`), 'the trace holds no requests'],
    [
      'a month that is none',
      'TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-16 18:17:03,1,2\n',
      /^line 2, column "TIMESTAMP": expected a time like "[^"]+", found "2023-13-16 18:17:03"$/,
    ],
    [
      'unknown columns',
      'foo,bar\n1,2\n',
      /^not a trace that Quire knows; it begins "foo,bar.*azure.*burstgpt.*mooncake.*vllm-bench/s,
    ],
    ['unknown fields', '{"a":1}\n', /^not a trace that Quire knows; it begins "\{\\"a\\":1\}"/],
    [
      'a line that is not JSON',
      '{"arrival_s":0,"input_tokens":3,"output_tokens":4}\n{oops\n',
      'line 2: expected a JSON object, found "{oops"',
    ],
    [
      'a text for a number',
      '{"arrival_s":0,"input_tokens":3,"output_tokens":"4"}\n',
      'line 1, field "output_tokens": expected a whole number of at least 1, found "4"',
    ],
    [
      'a benchmark without lengths',
      '{"request_throughput":3}',
      'a result of vllm bench serve without lengths; save it with --save-detailed',
    ],
    ['not UTF-8', Buffer.concat([Buffer.from(rows('1,')), Buffer.from([0xff, 0xfe])]), /not UTF-8 text/],
  ])('%s', async (name, text, message) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'trace'), text);
    const alone = name === 'NaN';
    const said = await refuse([...replay, '--trace', 'trace', '--out', 'o.json'], { cwd, alone });
    expect(said).toMatch(/^trace: /);
    if (typeof message === 'string') expect(said).toBe(`trace: ${message}`);
    else expect(said.slice('trace: '.length)).toMatch(message);
  });

  test('ServeGen, one long line of JSON that Quire does not know, is refused', async () => {
    const trace = realTrace('servegen_m-small_top19_day1.json.gz');
    const said = await refuse([...replay, '--trace', trace], { cwd: folder() });
    expect(said).toMatch(new RegExp(`${basename(trace)}: (not a trace that Quire knows|line 1, field)`));
  });

  test('a wrong row late in the file leaves nothing behind either', async () => {
    const cwd = folder();
    const many = Array.from({ length: 3000 }, (_, i) => `${i},10,3`);
    writeFileSync(join(cwd, 'trace'), `${HEAD}\n${many.join('\n')}\n2999,10,NaN\n`);
    const said = await refuse([...replay, '--trace', 'trace', '--events', 'e.jsonl'], { cwd, alone: true });
    expect(said).toBe(
      'trace: line 3002, column "output_tokens": expected a whole number of at least 1, found "NaN"',
    );
  });

  test('a time that --time-scale makes too large is refused, not lost', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'trace'), rows('1e308,10,10'));
    expect(await refuse([...replay, '--trace', 'trace', '--time-scale', '10'], { cwd })).toMatch(
      /--time-scale|arrival_s/,
    );
  });

  test('rows after --num-prompts are not looked at', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'trace'), rows('NaN,NaN,NaN'));
    await succeed([...replay, '--trace', 'trace', '--num-prompts', '1'], { cwd });
  });
});

describe('a trace without times', () => {
  test('says that all requests arrive at once', async () => {
    const trace = realTrace('vidur_arxiv_summarization_lengths.csv.gz');
    const stdout = await succeed([...replay, '--trace', trace, '--num-prompts', '5'], { cwd: folder() });
    expect(stdout).toMatch(/no\s+(arrival\s+)?times?/);
  });

  test('says so as well when the column of times has another name', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'trace'), 'arrival,input_tokens,output_tokens\n0,10,10\n100,10,10\n');
    expect(await succeed([...replay, '--trace', 'trace'], { cwd })).toMatch(/no\s+(arrival\s+)?times?/);
  });
});

describe('gzip that is broken', () => {
  const packed = () =>
    gzipSync(
      `${HEAD}\n${Array.from({ length: 3000 }, (_, i) => `${i},${(i * i) % 991},3`.replace(',0,', ',1,')).join('\n')}\n`,
    );
  const cut = (length: number) => packed().subarray(0, length);
  const changed = (at: number) => {
    const bytes = Buffer.from(packed());
    bytes.fill(0xff, at, at + 4);
    return bytes;
  };
  const tooEarly = 'trace.gz: the gzip data end too early; copy or download the file again';
  const damaged = /^trace\.gz: the gzip data are damaged/;

  test.each<[string, () => Buffer, string | RegExp]>([
    ['cut in the middle', () => cut(5000), tooEarly],
    ['cut in its head', () => cut(5), tooEarly],
    ['cut before its end', () => cut(packed().length - 4), tooEarly],
    ['damaged in the middle', () => changed(6000), /^trace\.gz: (the gzip data are damaged|line \d+)/],
    ['with a wrong sum', () => changed(packed().length - 8), damaged],
    ['with something behind it', () => Buffer.concat([packed(), Buffer.from('garbage!')]), damaged],
  ])('%s', async (name, bytes, message) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'trace.gz'), bytes());
    const alone = name === 'cut in the middle';
    const said = await refuse([...replay, '--trace', 'trace.gz', '--out', 'o.json'], { cwd, alone });
    if (typeof message === 'string') expect(said).toBe(message);
    else expect(said).toMatch(message);
    expect(Object.keys(contents(cwd))).toEqual(['trace.gz']);
  });

  test('binary data are named by their beginning, without control characters', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'trace'), Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 73) % 256)));
    const said = await refuse([...replay, '--trace', 'trace'], { cwd });
    expect(said).toMatch(/^trace: not a trace that Quire knows/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there.
    expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });
});

/** In two, at a line's end. */
function halves(text: Buffer): Buffer[] {
  const middle = text.indexOf('\n', text.length / 2) + 1;
  return [text.subarray(0, middle), text.subarray(middle)];
}
