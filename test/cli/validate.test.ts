import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openDataFolder } from '../../src/cli/data-folder.ts';
import { type ValidateOptions, validate } from '../../src/cli/validate.ts';
import { UsageError } from '../../src/core/errors.ts';
import type { Study } from '../../src/validation/study.ts';
import { folder, refuse, succeed } from '../support/cli.ts';
import { fakeStudy, figureCase } from '../validation/fake.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = 0;
});

const beyond = figureCase({ what: 'batch of vllm', unit: 'requests', predicted: 120 });
const measured = fakeStudy([figureCase({ what: 'a GEMM' })], {
  name: 'measured',
  suite: 'kernels',
  title: 'Measured',
  needsData: true,
});

/** Runs `quire validate` on these studies, in this process. */
async function run(studies: readonly Study[], options: ValidateOptions = {}, named: readonly string[] = []) {
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation(text => {
      written[stream] += text;
      return true;
    });
  }
  process.exitCode = 0;
  await validate(named, options, studies);
  const code = process.exitCode;
  vi.restoreAllMocks();
  process.exitCode = 0;
  return { ...written, code };
}

describe('quire validate', () => {
  test('prints one table: a heading and a summary a study, a row a case', async () => {
    const { code, stdout, stderr } = await run([
      fakeStudy([
        figureCase(),
        figureCase({ what: 'speedup', unit: '×', measured: [14, 24], predicted: 20 }),
      ]),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`\
case               source           measured  predicted     error  bound

paper · paper-fake · What a paper says
batch of orca-max  a paper, Fig. 1       100        103    +3.0 %    5 %
speedup            a paper, Fig. 1   14–24 ×       20 ×  in range    5 %
2 cases, worst error +3.0 % (batch of orca-max), none beyond its bound

2 cases in all, none beyond its bound
`);
  });

  test('a bound that is crossed: marked, said on stderr, exit 1', async () => {
    const { code, stdout, stderr } = await run([fakeStudy([figureCase(), beyond])]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^batch of vllm .* \+20\.0 % +5 % {2}✗$/m);
    expect(stdout).toContain('2 cases in all, 1 beyond the bound (✗)');
    expect(stderr).toBe(
      'bound crossed: paper-fake: batch of vllm: 120 requests, measured 100 (a paper, Fig. 1): +20.0 %, bound 5 %\n'.replace(
        'measured 100',
        'measured 100 requests',
      ),
    );
  });

  test('long names are broken, and their rows stay together; notes follow', async () => {
    const long = figureCase({ what: 'word '.repeat(30).trim(), note: 'disputed' });
    const { stdout } = await run([
      fakeStudy([long, figureCase()]),
      fakeStudy([figureCase({ what: 'second' })], { name: 'other', suite: 'blog', title: 'Other' }),
    ]);
    const lines = stdout.split('\n');
    const other = lines.findIndex(line => line.startsWith('blog · other'));
    expect(lines[other + 1]).toMatch(/^second /);
    expect(lines.slice(3, 6).every(line => line.includes('word'))).toBe(true);
    expect(lines.slice(0, other).filter(line => line.startsWith('batch of orca-max'))).toHaveLength(1);
    expect(stdout).toContain('note: word word');
  });

  test('a study that could not run says why on stderr', async () => {
    const failing = async () => {
      throw new UsageError('tables.csv: no column m');
    };
    const { code, stderr } = await run([
      fakeStudy([figureCase()]),
      fakeStudy([], { name: 'broken', run: failing }),
    ]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'bound crossed: broken: could not run: tables.csv: no column m\n',
    });
  });

  test('an aim that is missed is marked and counted, and no failure', async () => {
    const { bound: _, ...free } = figureCase({ aim: 0.01 });
    const { code, stdout } = await run([fakeStudy([free])]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^batch of orca-max .* \+3\.0 % +aim 1 % {2}○$/m);
    expect(stdout).toContain('1 case in all, none beyond its bound, 1 short of the aim (○)');
  });

  test('a note that cases share is said once', async () => {
    const noted = (what: string) => figureCase({ what, note: 'read off the plot' });
    const { stdout } = await run([fakeStudy(['a', 'b', 'c'].map(noted))]);
    expect(stdout.match(/^note: .*/gm)).toEqual(['note: a and 2 more: read off the plot']);
  });

  test('--json: studies, errors and crossings', async () => {
    const { code, stdout } = await run([fakeStudy([figureCase(), beyond])], { json: true });
    const document = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(document.quire).toEqual({ version: expect.any(String), command: expect.stringMatching(/^quire/) });
    expect(document.crossed).toEqual([
      { study: 'paper-fake', what: 'batch of vllm', source: 'a paper, Fig. 1' },
    ]);
    expect(document.studies).toMatchObject([{ name: 'paper-fake', suite: 'paper', notes: [] }]);
    expect(document.studies[0].cases).toMatchObject([
      { measured: 100, predicted: 103, bound: 0.05, error: expect.closeTo(0.03, 12), crossed: false },
      { error: expect.closeTo(0.2, 12), crossed: true },
    ]);
  });

  test('--markdown prints the document', async () => {
    const { stdout } = await run([fakeStudy([figureCase()])], { markdown: true });
    expect(stdout).toMatch(/^# Accuracy\n/);
  });

  test('--write puts the document and a baseline into a folder, the same bytes each time', async () => {
    const cwd = folder();
    const studies = [fakeStudy([figureCase(), beyond])];
    await run(studies, { write: join(cwd, 'docs'), data: cwd });
    const read = () =>
      readdirSync(join(cwd, 'docs')).map(name => readFileSync(join(cwd, 'docs', name), 'utf8'));
    expect(readdirSync(join(cwd, 'docs'))).toEqual(['accuracy.json', 'accuracy.md']);
    const first = read();
    const again = await run(studies, { write: join(cwd, 'docs'), data: cwd });
    expect(read()).toEqual(first);
    expect(again.code).toBe(1);
  });

  test('--baseline: exit 1 and the cases that got worse; crossings of the baseline are known', async () => {
    const cwd = folder();
    const baseline = join(cwd, 'docs', 'accuracy.json');
    await run([fakeStudy([figureCase(), beyond])], { write: join(cwd, 'docs'), data: cwd });
    const same = await run([fakeStudy([figureCase(), beyond])], { baseline });
    expect(same.code).toBe(0);
    expect(same.stderr).toMatch(/^bound crossed, as in the baseline: paper-fake: batch of vllm.*\n$/);
    const worse = await run([fakeStudy([figureCase({ predicted: 104 }), beyond])], { baseline });
    expect(worse.code).toBe(1);
    expect(worse.stderr).toContain(
      'worse: paper-fake: batch of orca-max (a paper, Fig. 1): error +4.0 %, was +3.0 %\n',
    );
    const gone = await run([fakeStudy([beyond])], { baseline });
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain(
      'worse: paper-fake: batch of orca-max (a paper, Fig. 1): is in the baseline',
    );
    const crossing = await run([fakeStudy([figureCase({ predicted: 106 }), beyond])], { baseline });
    expect(crossing.stderr.match(/batch of orca-max/g)).toHaveLength(1);
    const partly = await run([fakeStudy([figureCase()]), measured], { baseline }, ['blog']);
    expect(partly.code).toBe(0);
  });

  test('without data: the other studies run, and what was left out is said', async () => {
    vi.stubEnv('QUIRE_DATA', join(folder(), 'absent'));
    const { code, stdout, stderr } = await run([fakeStudy([figureCase()]), measured]);
    expect(code).toBe(0);
    expect(stdout).not.toContain('a GEMM');
    expect(stderr).toMatch(
      /^left out: measured: .*absent is absent; expected the folder of recorded measurem/,
    );
  });

  test('without data: a suite that is named and needs them, and --write, are refused', async () => {
    vi.stubEnv('QUIRE_DATA', join(folder(), 'absent'));
    await expect(run([measured], {}, ['kernels'])).rejects.toThrow(/absent is absent, and measured needs it/);
    await expect(run([measured], { write: folder() })).rejects.toThrow(/absent, and measured needs it/);
    await expect(run([fakeStudy([])], { write: folder() }, ['paper'])).rejects.toThrow(
      /--write is of every suite/,
    );
  });

  describe('a folder in which a study finds nothing to check', () => {
    const nothing = (overrides: Partial<Study> = {}) =>
      fakeStudy([], {
        name: 'fake-tables',
        suite: 'kernels',
        needsData: true,
        run: async () => ({ cases: [], charts: [], notes: ['left out: no table', 'so it is done'] }),
        ...overrides,
      });

    test('is refused where a suite is named, and said what is looked for', async () => {
      const data = folder();
      const refused = run([fakeStudy([figureCase()]), nothing()], { data }, ['kernels']);
      await expect(refused).rejects.toThrow(UsageError);
      await expect(refused).rejects.toThrow(
        /: nothing there that fake-tables can check; expected the folder of recorded.*; left out: no table$/,
      );
    });

    test('exits with 2 beside a suite that was checked, which is shown', async () => {
      const data = folder();
      const { code, stdout, stderr } = await run([fakeStudy([figureCase()]), nothing()], { data }, [
        'paper',
        'kernels',
      ]);
      expect(code).toBe(2);
      expect(stdout).toContain('batch of orca-max');
      expect(stderr).toMatch(/^left out: .*nothing there that fake-tables can check/);
    });

    test('is said where others of the suite found theirs, or nobody asked for the suite', async () => {
      const data = folder();
      const other = fakeStudy([figureCase()], { name: 'other', suite: 'kernels', needsData: true });
      for (const named of [['kernels'], []]) {
        const { code, stderr } = await run([other, nothing()], { data }, named);
        expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('fake-tables') });
      }
      vi.stubEnv('QUIRE_DATA', data);
      expect((await run([fakeStudy([figureCase()]), nothing()])).code).toBe(0);
    });

    test('exits with 2 where the folder was named and no study found anything', async () => {
      expect((await run([fakeStudy([figureCase()]), nothing()], { data: folder() })).code).toBe(2);
    });

    test('makes no document', async () => {
      const write = join(folder(), 'docs');
      await expect(run([fakeStudy([figureCase()]), nothing()], { write, data: folder() })).rejects.toThrow(
        /nothing there that fake-tables/,
      );
      expect(existsSync(write)).toBe(false);
    });
  });

  test('several studies end in a line each', async () => {
    const { stdout } = await run([
      fakeStudy([figureCase(), beyond]),
      fakeStudy([figureCase({ predicted: 101 })], { name: 'other', suite: 'blog' }),
      fakeStudy([], { name: 'none', suite: 'blog' }),
    ]);
    expect(stdout).toContain(`
study       cases  beyond ✗  short of aim ○  worst error
paper-fake      2         1               0      +20.0 %
other           1         0               0       +1.0 %
none            0         0               0     left out

3 cases in all, 1 beyond the bound (✗)
`);
  });

  test('a study gets the folder: its files sorted, gzip unpacked, what is absent named', async () => {
    const cwd = folder();
    mkdirSync(join(cwd, 'b'));
    writeFileSync(join(cwd, 'b', 'x.csv'), 'one\n');
    writeFileSync(join(cwd, 'a.csv'), 'two\n');
    const data = openDataFolder(cwd)!;
    expect(await data.list()).toEqual(['a.csv', 'b/x.csv']);
    expect(await data.text('b/x.csv')).toBe('one\n');
    expect([...(await data.bytes('a.csv'))]).toEqual([...Buffer.from('two\n')]);
    await expect(data.text('c.csv')).rejects.toThrow(/c\.csv: no such file; expected the folder of recorded/);
  });

  test('refuses what it does not know', async () => {
    const cwd = folder();
    expect(await refuse(['validate', 'papr'], { cwd })).toMatch(
      /^unknown suite "papr"; did you mean paper\?/,
    );
    expect(await refuse(['validate', '--data', 'nowhere'], { cwd })).toMatch(
      /^--data nowhere: no such folder; expected the folder of recorded measurements/,
    );
    await expect(run([fakeStudy([])], {}, ['paper-fake'])).rejects.toThrow(
      /^unknown suite "paper-fake": it is a study of paper; run it by quire experiment paper-fake, or/,
    );
    writeFileSync(join(cwd, 'file'), '');
    expect(await refuse(['validate', '--data', 'file'], { cwd })).toMatch(/^--data file: is no folder/);
    expect(await refuse(['validate', '--json', '--markdown'], { cwd })).toMatch(/exclude each other/);
  });

  test('--baseline of other studies is refused, and cases that it does not know are counted', async () => {
    const cwd = folder();
    const baseline = join(cwd, 'baseline.json');
    const withStudies = (studies: readonly object[]) => writeFileSync(baseline, JSON.stringify({ studies }));
    withStudies([]);
    await expect(run([fakeStudy([figureCase()])], { baseline })).rejects.toThrow(
      /--baseline .*: has no case of paper-fake; expected/,
    );
    withStudies([{ name: 'foreign', cases: [{ what: 'a', source: 'b', error: 0, crossed: false }] }]);
    await expect(run([fakeStudy([figureCase()])], { baseline })).rejects.toThrow(
      /has no case of paper-fake, only of foreign/,
    );
    const { what, source } = figureCase();
    withStudies([{ name: 'paper-fake', cases: [{ what, source, error: 0.03, crossed: false }] }]);
    const { code, stderr } = await run([fakeStudy([figureCase(), figureCase({ what: 'new' })])], {
      baseline,
    });
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'compared with the baseline: 1 of 2 cases, the others are new\n',
    });
  });

  test('--write without a name is refused', async () => {
    await expect(run([fakeStudy([figureCase()])], { write: '' })).rejects.toThrow(
      /--write: expected the name/,
    );
  });

  test('refuses a baseline that is truncated, absent or not of quire validate', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'cut.json'), '{"studies":[\n{"name":"paper-mem');
    writeFileSync(join(cwd, 'other.json'), '{"results":[]}');
    const of = (file: string) => refuse(['validate', 'paper', '--baseline', file], { cwd });
    expect(await of('cut.json')).toMatch(/^cut\.json: not JSON/);
    expect(await of('other.json')).toMatch(/^other\.json: is no baseline/);
    expect(await of('nowhere.json')).toBe('nowhere.json: no such file');
  });

  test('--help fits in 80 columns', async () => {
    const help = await succeed(['validate', '--help'], { cwd: folder() });
    expect(help.split('\n').filter(line => line.length > 80)).toEqual([]);
    for (const flag of ['--data', '--json', '--markdown', '--baseline', '--write'])
      expect(help).toContain(flag);
  });
});
