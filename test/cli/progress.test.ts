import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { bold } from '../../src/cli/format.ts';
import { Progress } from '../../src/cli/progress.ts';

const terminals = { stdout: process.stdout.isTTY, stderr: process.stderr.isTTY };
let written: string[];

beforeEach(() => {
  written = [];
  vi.spyOn(process.stderr, 'write').mockImplementation(text => written.push(String(text)) > 0);
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.stdout.isTTY = terminals.stdout;
  process.stderr.isTTY = terminals.stderr;
});

describe('the progress bar', () => {
  test('grows on one line of a terminal, names what runs, and is wiped at the end', () => {
    process.stderr.isTTY = true;
    const progress = new Progress();
    progress.update(0, 'hf-static');
    progress.update(0.5, 'hf-static');
    progress.update(1, 'vllm');
    progress.end();
    const bars = written.map(text => text.replaceAll('\r\u001b[2K', '').replaceAll('\n', ''));
    expect(bars).toEqual([
      `${'░'.repeat(28)}   0 %  hf-static`,
      `${'█'.repeat(14)}${'░'.repeat(14)}  50 %  hf-static`,
      `${'█'.repeat(28)} 100 %  vllm`,
      '',
    ]);
    expect(written.every(text => text.startsWith('\r\u001b[2K') && !text.includes('\n'))).toBe(true);
  });

  test('is not drawn again when nothing changed', () => {
    process.stderr.isTTY = true;
    const progress = new Progress();
    for (let i = 0; i < 1000; i++) progress.update(0.2 + i * 1e-9, 'vllm');
    expect(written).toHaveLength(1);
  });

  test('is wiped once, and not at all when it never showed', () => {
    process.stderr.isTTY = true;
    const progress = new Progress();
    progress.end();
    expect(written).toEqual([]);
    progress.update(0.1, 'vllm');
    progress.end();
    progress.end();
    expect(written).toHaveLength(2);
  });

  test('makes place for a warning, and comes back below it', () => {
    process.stderr.isTTY = true;
    const progress = new Progress();
    progress.update(0.5, 'vllm');
    const { warn } = progress;
    warn('slow kernels');
    progress.update(0.5, 'vllm');
    expect(written.slice(1, 3)).toEqual(['\r\u001b[2K', 'quire: slow kernels\n']);
    expect(written[3]).toBe(written[0]);
  });

  test('stays away where stderr is no terminal', () => {
    process.stderr.isTTY = false;
    const progress = new Progress();
    progress.update(0.3, 'vllm');
    progress.end();
    expect(written).toEqual([]);
  });

  test('shows in a terminal that does not know its width', () => {
    process.stderr.isTTY = true;
    const columns = process.stderr.columns;
    process.stderr.columns = 0;
    try {
      new Progress().update(0.5, 'vllm');
    } finally {
      process.stderr.columns = columns;
    }
    expect(written.join('')).toContain('50 %  vllm');
  });

  test('does not wrap in a narrow terminal, where it could not be wiped', () => {
    process.stderr.isTTY = true;
    const columns = process.stderr.columns;
    process.stderr.columns = 30;
    try {
      new Progress().update(0.5, 'faster-transformer');
    } finally {
      process.stderr.columns = columns;
    }
    expect(written.join('').replaceAll('\r\u001b[2K', '').length).toBeLessThan(30);
  });
});

describe('bold', () => {
  test('on a terminal only, and not with NO_COLOR', () => {
    vi.stubEnv('NO_COLOR', undefined);
    process.stdout.isTTY = true;
    expect(bold('policy')).toBe('\u001b[1mpolicy\u001b[22m');
    process.stdout.isTTY = false;
    expect(bold('policy')).toBe('policy');
    process.stdout.isTTY = true;
    vi.stubEnv('NO_COLOR', '1');
    expect(bold('policy')).toBe('policy');
  });
});
