import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, test } from 'vitest';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { contents, folder, refuse, succeed } from '../support/cli.ts';

const tiny = [
  'compare',
  '--policy',
  'hf-static,vllm',
  '--num-prompts',
  '10',
  '--replications',
  '2',
  '--seed',
  '3',
];

describe('the ending of --events says what is written', () => {
  test.each(['t.perfetto.json', 't.trace.json', 'T.PERFETTO.JSON'])(
    '%s: a trace for Perfetto',
    async name => {
      const cwd = folder();
      const alone = name === 't.perfetto.json';
      const stdout = await succeed([...tiny, '--out', 'o.json', '--events', name], { cwd, alone });
      expect(stdout).toContain(`\nevents: ${name}\n`);
      const { traceEvents } = JSON.parse(readFileSync(join(cwd, name), 'utf8'));
      const processes = traceEvents.filter((event: { name: string }) => event.name === 'process_name');
      expect(processes.map(({ args }: { args: { name: string } }) => args.name)).toEqual([
        'hf-static',
        'vllm',
      ]);
    },
  );

  test('.parquet: two tables', async () => {
    const cwd = folder();
    const stdout = await succeed([...tiny, '--out', 'o.json', '--events', 'a/t.parquet'], { cwd });
    expect(stdout).toContain('\nevents: a/t.requests.parquet, a/t.steps.parquet\n');
    expect(Object.keys(contents(cwd))).toEqual(['a', 'a/t.requests.parquet', 'a/t.steps.parquet', 'o.json']);
    const rows = async (name: string) =>
      await parquetReadObjects({ file: new Uint8Array(readFileSync(join(cwd, name))).buffer });
    expect(await rows('a/t.requests.parquet')).toHaveLength(20);
    expect((await rows('a/t.steps.parquet')).length).toBeGreaterThan(100);
  });

  test('.quire: a recording of the first replication', async () => {
    const cwd = folder();
    await succeed([...tiny, '--out', 'o.json', '--events', 't.quire'], { cwd, alone: true });
    const recordings = await decodeRecordings(readFileSync(join(cwd, 't.quire')), 't.quire');
    expect(recordings.map(({ policy }) => policy)).toEqual(['hf-static', 'vllm']);
    const { results } = JSON.parse(readFileSync(join(cwd, 'o.json'), 'utf8'));
    for (const [i, { requests, config }] of recordings.entries()) {
      const mean =
        requests.reduce((sum, { finished, arrival }) => sum + finished - arrival, 0) / requests.length;
      expect(mean * 1000).toBeCloseTo(results[i].replications[0].mean_e2el_ms, 6);
      expect(config['seed']).toBe(3);
    }
  });

  test('several at once; the figures are the same with and without', async () => {
    const cwd = folder();
    const plain = JSON.parse(await succeed([...tiny, '--json'], { cwd }));
    const flags = ['e.jsonl', 'f.jsonl', 'e.quire', 'e.perfetto.json', 'e.parquet'].flatMap(name => [
      '--events',
      name,
    ]);
    const logged = JSON.parse(await succeed([...tiny, '--json', ...flags], { cwd }));
    expect(logged.results).toEqual(plain.results);
    expect(readFileSync(join(cwd, 'e.jsonl'), 'utf8')).toBe(readFileSync(join(cwd, 'f.jsonl'), 'utf8'));
    const names = Object.keys(contents(cwd)).filter(name => /^[ef]\./.test(name));
    expect(names).toEqual([
      'e.jsonl',
      'e.perfetto.json',
      'e.quire',
      'e.requests.parquet',
      'e.steps.parquet',
      'f.jsonl',
    ]);
  });
});

describe('--events refuses', () => {
  test.each(['events', 'events.json', 'events.csv', '.parquet.gz'])(
    '%s: an ending that says nothing',
    async name => {
      const said = await refuse([...tiny, '--events', name], { cwd: folder(), alone: name === 'events' });
      expect(said).toContain(`--events ${name}: its ending says what is written`);
      for (const ending of ['.jsonl', '.perfetto.json', '.parquet', '.quire']) expect(said).toContain(ending);
    },
  );

  test.each([
    ['e.jsonl', './e.jsonl'],
    ['e.parquet', './e.parquet'],
  ])('%s and %s: the same file twice', async (one, other) => {
    const args = [...tiny, '--events', one, '--events', other];
    expect(await refuse(args, { cwd: folder() })).toMatch(/two of --events are the same file/);
  });

  test('the file of the results', async () => {
    const args = [...tiny, '--out', 'e.steps.parquet', '--events', 'e.parquet'];
    expect(await refuse(args, { cwd: folder() })).toMatch(/--out and --events are the same file/);
  });
});

describe('a run that fails in its middle', () => {
  // The last line is found to be none when most of the run is over.
  const lines = Array.from({ length: 3000 }, (_, i) => `${i},100,20`);
  const broken = `arrival_s,input_tokens,output_tokens\n${lines.join('\n')}\n3000,100,x\n`;

  test.each(['e.jsonl', 'new/folder/e.jsonl', 'e.quire'])('leaves nothing of %s', async name => {
    const cwd = folder();
    writeFileSync(join(cwd, 't.csv'), broken);
    const args = ['compare', '--policy', 'vllm', '--trace', 't.csv', '--events', name];
    expect(await refuse(args, { cwd, alone: name === 'e.jsonl' })).toMatch(/t\.csv/);
  });
});
