import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configDefaults } from '../../src/sim/config.ts';
import { settings } from '../../src/sim/settings.ts';
import { folder, quire, succeed } from '../support/cli.ts';

const commands = [
  'generate',
  'compare',
  'run',
  'report',
  'viz',
  'experiment',
  'validate',
  'calibrate',
  'policies',
  'gpus',
  'models',
];

describe('help', () => {
  test('quire alone shows the commands and is a mistake', async () => {
    const { code, stdout, stderr } = await quire([], { cwd: folder() });
    expect(code).toBe(2);
    expect(stdout).toBe('');
    for (const command of commands) expect(stderr).toMatch(new RegExp(`^ +${command} `, 'm'));
  });

  test.each([['--help'], ['-h'], ['help']])('quire %s shows the commands', async flag => {
    const stdout = await succeed([flag], { cwd: folder(), alone: true });
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ +${command} `, 'm'));
  });

  test('quire --version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await succeed(['--version'], { cwd: folder(), alone: true })).toBe(`${version}\n`);
  });

  test.each(['compare', 'run'])('quire %s --help lists every setting, and its default', async command => {
    const help = await succeed([command, '--help'], { cwd: folder(), alone: true });
    const entries = help.split(/\n(?= {2}-)/).map(entry => entry.replace(/\s+/g, ' ').trim());
    for (const key of Object.keys(settings)) {
      const flag = `--${key.replaceAll('_', '-')}`;
      const entry = entries.find(text => text.split(' ')[0] === flag);
      expect(entry, flag).toBeDefined();
      const preset = (configDefaults as Record<string, unknown>)[key];
      if (preset !== undefined && key !== 'time_scale')
        expect(entry).toContain(String(preset).replaceAll(',', ','));
    }
    for (const flag of ['--json', '--out', '--events', '--print-config']) expect(help).toContain(flag);
  });

  test.each(commands)('quire %s --help fits in 80 columns where nothing says how wide', async command => {
    const help = await succeed([command, '--help'], { cwd: folder() });
    expect(help.split('\n').filter(line => line.length > 80)).toEqual([]);
  });

  test.each(commands)('quire help %s is quire %s --help', async command => {
    const cwd = folder();
    expect(await succeed(['help', command], { cwd })).toBe(await succeed([command, '--help'], { cwd }));
  });
});
