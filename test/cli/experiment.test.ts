import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type ExperimentOptions, experiment } from '../../src/cli/experiment.ts';
import { studies } from '../../src/validation/registry.ts';
import type { Study } from '../../src/validation/study.ts';
import { folder, refuse, succeed } from '../support/cli.ts';
import { chart, fakeStudy, figureCase } from '../validation/fake.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

async function run(name: string | undefined, options: ExperimentOptions, all: readonly Study[]) {
  let stdout = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(text => {
    stdout += text;
    return true;
  });
  await experiment(name, options, all);
  vi.restoreAllMocks();
  return stdout;
}

const study = fakeStudy([figureCase()]);

describe('quire experiment', () => {
  test('prints the study and writes its results and its figure', async () => {
    const out = folder();
    const stdout = await run('paper-fake', { out }, [study]);
    expect(stdout).toBe(`\
What a paper says

case               source           measured  predicted   error  bound
batch of orca-max  a paper, Fig. 1       100        103  +3.0 %    5 %

1 case, worst error +3.0 % (batch of orca-max), none beyond its bound

results: ${join(out, 'paper-fake.json')}, ${join(out, 'paper-fake.svg')}
`);
    const document = JSON.parse(readFileSync(join(out, 'paper-fake.json'), 'utf8'));
    expect(document).toMatchObject({ name: 'paper-fake', suite: 'paper', cases: [{ crossed: false }] });
    expect(document.charts).toEqual([chart]);
    expect(readFileSync(join(out, 'paper-fake.svg'), 'utf8')).toMatch(/^<svg xmlns=.*\n<\/svg>\n$/s);
  });

  test('--json prints what it writes', async () => {
    const out = folder();
    const stdout = await run('paper-fake', { out, json: true }, [study]);
    expect(stdout).toBe(readFileSync(join(out, 'paper-fake.json'), 'utf8'));
  });

  test('writes no figure where there is nothing to draw', async () => {
    const out = folder();
    const bare = fakeStudy([], { run: async () => ({ cases: [], charts: [], notes: ['none yet'] }) });
    const stdout = await run('paper-fake', { out }, [bare]);
    expect(stdout).toContain('note: none yet');
    expect(existsSync(join(out, 'paper-fake.svg'))).toBe(false);
  });

  test('without a name, lists what there is', async () => {
    expect(await run(undefined, {}, [study])).toBe(
      'experiment  suite  needs data  title\npaper-fake  paper  no          What a paper says\n',
    );
    const { experiments } = JSON.parse(await run(undefined, { json: true }, [study]));
    expect(experiments).toEqual([
      { name: 'paper-fake', suite: 'paper', title: 'What a paper says', needs_data: false },
    ]);
  });

  test('refuses a study whose data are absent, and a name that is none', async () => {
    vi.stubEnv('QUIRE_DATA', join(folder(), 'absent'));
    const needy = fakeStudy([], { needsData: true });
    await expect(run('paper-fake', {}, [needy])).rejects.toThrow(
      /is absent, and paper-fake needs it; expected/,
    );
    await expect(run('paper-fak', {}, [study])).rejects.toThrow('did you mean paper-fake?');
  });

  test('refuses a folder without a name, and one in which the study finds nothing', async () => {
    await expect(run('paper-fake', { out: '' }, [study])).rejects.toThrow(
      /--out: expected the name of a folder/,
    );
    const out = folder();
    await expect(
      run('paper-fake', { out, data: folder() }, [fakeStudy([], { needsData: true })]),
    ).rejects.toThrow(/nothing there that paper-fake can check/);
    expect(readdirSync(out)).toEqual([]);
  });

  test('on the command line: lists the registry, refuses the rest', async () => {
    const cwd = folder();
    const { experiments } = JSON.parse(await succeed(['experiment', '--json'], { cwd }));
    expect(experiments.map(({ name }: { name: string }) => name)).toEqual(studies.map(({ name }) => name));
    expect(await refuse(['experiment', 'nothing-like-it'], { cwd })).toMatch(/^unknown experiment/);
    writeFileSync(join(cwd, 'file'), '');
    const [first] = studies;
    if (first)
      expect(await refuse(['experiment', first.name, '--out', 'file'], { cwd })).toMatch(/^--out file/);
    const help = await succeed(['experiment', '--help'], { cwd });
    expect(help.split('\n').filter(line => line.length > 80)).toEqual([]);
  });
});

test('studies have names of their own', () => {
  expect(new Set(studies.map(({ name }) => name)).size).toBe(studies.length);
});
