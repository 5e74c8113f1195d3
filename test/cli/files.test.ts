import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readJson } from '../../src/cli/files.ts';
import { UsageError } from '../../src/core/errors.ts';
import { contents, folder, quire, realTrace, refuse, succeed } from '../support/cli.ts';

const tiny = ['compare', '--policy', 'vllm', '--num-prompts', '5', '--replications', '1'];
const replay = ['compare', '--policy', 'vllm', '--num-prompts', '5'];

/** A folder with a folder, a file and a link to itself. */
function furnished(): string {
  const cwd = folder();
  mkdirSync(join(cwd, 'folder'));
  writeFileSync(join(cwd, 'file'), 'text\n');
  symlinkSync('loop', join(cwd, 'loop'));
  return cwd;
}

describe('a file that cannot be read', () => {
  const inputs = [
    ['a trace', (path: string) => [...replay, '--trace', path]],
    ['a model', (path: string) => [...replay, '--model', path]],
    ['a config', (path: string) => ['run', path]],
  ] as const;
  describe.each(inputs)('%s', (_, args) => {
    test.each([
      ['nosuch.json', 'nosuch.json: no such file'],
      ['folder', 'folder: is a folder, expected a file'],
      ['file/config.json', /^file\/config\.json: /],
      [`./${'long'.repeat(100)}.json`, /^\.\/(long)+\.json: /],
    ])('%s', async (path, message) => {
      const said = await refuse(args(path), { cwd: furnished(), alone: path === 'nosuch.json' });
      if (typeof message === 'string') expect(said).toBe(message);
      else expect(said).toMatch(message);
    });

    test('a link to itself', async () => {
      expect(await refuse(args('./loop'), { cwd: furnished() })).toMatch(/^\.\/loop: /);
    });
  });

  test('for want of permission', async () => {
    const cwd = furnished();
    const path = join(cwd, 'file');
    await asNobody(path, async () => {
      await expect(readJson(path)).rejects.toThrow(new UsageError(`${path}: no permission to read it`));
    });
  });
});

describe('a place that cannot be written to', () => {
  describe.each(['--out', '--events'])('%s', flag => {
    test.each(['folder', 'folder/', 'file/o.json', `${'long'.repeat(100)}.json`])('%s', async path => {
      const said = await refuse([...tiny, flag, path], { cwd: furnished(), alone: path === 'folder' });
      expect(said).toContain(path);
      expect(said).toContain(flag);
      expect(said).not.toContain('.partial');
    });

    test('nowhere', async () => {
      expect(await refuse([...tiny, flag, ''], { cwd: furnished() })).toMatch(new RegExp(`^${flag}`));
    });
  });

  test('is found before anything long runs', async () => {
    const cwd = furnished();
    const args = ['compare', '--policy', 'vllm', '--num-prompts', '1000000', '--out'];
    expect(await refuse([...args, 'folder'], { cwd })).toContain('folder');
    // Root may write there, says the system, but nobody can.
    expect(await refuse([...args, '/proc/x/o.json'], { cwd })).toMatch(
      /^--out \/proc\/x\/o\.json: no .* in \/proc.*; choose another place$/,
    );
  });

  test('no results without the events that were asked for', async () => {
    const cwd = furnished();
    await refuse([...tiny, '--out', 'o.json', '--events', 'folder'], { cwd });
    expect(existsSync(join(cwd, 'o.json'))).toBe(false);
  });
});

describe('what the user has is not written over', () => {
  test('the trace', async () => {
    const cwd = folder();
    copyFileSync(realTrace('azure2023_conv.csv.gz'), join(cwd, 't.csv.gz'));
    expect(await refuse([...replay, '--trace', 't.csv.gz', '--out', './t.csv.gz'], { cwd })).toMatch(/--out/);
    expect(await refuse([...replay, '--trace', 't.csv.gz', '--events', 't.csv.gz'], { cwd })).toMatch(
      /--events/,
    );
  });

  test('the config', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'config.json'), '{"policy": "vllm", "num_prompts": 5, "replications": 1}');
    expect(await refuse(['run', 'config.json', '--out', 'config.json'], { cwd })).toMatch(/--out/);
  });

  test('the model', async () => {
    const cwd = folder();
    copyFileSync(join(import.meta.dirname, 'hf-model/config.json'), join(cwd, 'model.json'));
    const args = [...tiny, '--gpu', 'h100', '--model', 'model.json', '--out', 'model.json'];
    expect(await refuse(args, { cwd })).toMatch(/--out/);
  });

  test('the results, by the events', async () => {
    const said = await refuse([...tiny, '--out', 'same', '--events', 'same'], { cwd: folder() });
    expect(said).toMatch(/--out.*--events|--events.*--out/);
  });

  test('a link: what it points to gets the results', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'real.json'), 'old');
    symlinkSync('real.json', join(cwd, 'link.json'));
    await succeed([...tiny, '--out', 'link.json'], { cwd, alone: true });
    expect(lstatSync(join(cwd, 'link.json')).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(cwd, 'real.json'), 'utf8')).results).toHaveLength(1);
  });

  test('a link to a file that is yet to be', async () => {
    const cwd = folder();
    symlinkSync('new.json', join(cwd, 'link.json'));
    const { code } = await quire([...tiny, '--out', 'link.json'], { cwd });
    expect(code === 0 ? existsSync(join(cwd, 'new.json')) : code === 2).toBe(true);
    expect(lstatSync(join(cwd, 'link.json')).isSymbolicLink()).toBe(true);
  });

  // As root, `--out /dev/null` would otherwise replace the device by a file for everybody on the machine.
  test('something that is no file, such as a pipe or a device', async () => {
    const cwd = folder();
    const pipe = join(cwd, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const reader = spawn('cat', [pipe], { stdio: 'ignore' });
    await quire([...tiny, '--out', 'pipe'], { cwd });
    reader.kill();
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });
});

describe('a run that ends early', () => {
  test('what a killed one left is taken away by the next that writes there', async () => {
    const cwd = folder();
    const dead = spawn(process.execPath, ['-e', '']);
    await new Promise(resolve => dead.on('exit', resolve));
    const names = [`.quire-${dead.pid}-0.partial`, `.quire-${process.pid}-0.partial`, 'mine.partial'];
    for (const name of names) writeFileSync(join(cwd, name), 'half');
    await quire([...tiny, '--out', 'out.json'], { cwd });
    expect(names.map(name => existsSync(join(cwd, name)))).toEqual([false, true, true]);
    expect(existsSync(join(cwd, 'out.json'))).toBe(true);
  });

  test('Ctrl-C leaves no results and no parts of them', async () => {
    const cwd = folder();
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    const { code, signal, stdout } = await quire(
      [...replay, '--trace', 'pipe', '--out', 'o.json', '--events', 'e.jsonl'],
      {
        cwd,
        // Opens once Quire reads; a trace that goes on for ever keeps the run in its middle.
        started: async child => {
          const pipe = await open(join(cwd, 'pipe'), 'w');
          await pipe.write('arrival_s,input_tokens,output_tokens\n0,10,10\n');
          child.kill('SIGINT');
          child.once('close', () => pipe.close());
        },
      },
    );
    expect(code === 130 || signal === 'SIGINT').toBe(true);
    expect(stdout).toBe('');
    expect(Object.keys(contents(cwd))).toEqual(['pipe']);
  });

  test('a reader that has seen enough is no error', async () => {
    const args = [
      'compare',
      '--num-prompts',
      '20',
      '--json',
      '--policy',
      'vllm,sarathi,orca-max',
      '--replications',
      '1',
    ];
    const { code, stderr } = await quire(args, {
      cwd: folder(),
      started: child => void child.stdout?.destroy(),
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('a stdout that takes nothing is an error, and one in words', async () => {
    const cwd = furnished();
    const readOnly = openSync(join(cwd, 'file'), 'r');
    const { code, stderr } = await quire(['models', '--json'], { cwd, stdout: readOnly });
    closeSync(readOnly);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^quire: .*(stdout|standard output)/);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});

describe('a trace that can be read once only', () => {
  const trace = 'arrival_s,input_tokens,output_tokens\n0,10,10\n1,20,5\n';

  test('serves one policy', async () => {
    const cwd = folder();
    const stdout = await succeed(['compare', '--policy', 'vllm', '--trace', 'pipe'], {
      cwd,
      started: feed(cwd, trace),
    });
    expect(stdout.split('\n')[0]).toContain('2 requests');
  });

  test('is refused for several, with the reason', async () => {
    const cwd = folder();
    const { code, stderr } = await quire(['compare', '--trace', 'pipe'], {
      cwd,
      started: feed(cwd, trace),
      timeout: 30_000,
    });
    expect(code).toBe(2);
    expect(stderr).toMatch(/^quire: pipe: .*once/);
    expect(Object.keys(contents(cwd))).toEqual(['pipe']);
  });
});

/** Makes the FIFO `pipe`, and writes to it once, when it is opened. */
function feed(cwd: string, text: string) {
  const path = join(cwd, 'pipe');
  execFileSync('mkfifo', [path]);
  return () => {
    const writer = open(path, 'w').then(async pipe => {
      await pipe.write(text);
      await pipe.close();
    });
    // A pipe that was never opened for reading: let go of the writer.
    onTestFinished(async () => {
      const both = await open(path, 'r+');
      await writer;
      await both.close();
    });
  };
}

/** Runs something that may not read `path`: root may read everything, so it steps down meanwhile. */
async function asNobody(path: string, what: () => Promise<void>): Promise<void> {
  const root = process.geteuid!() === 0;
  execFileSync('chmod', ['000', path]);
  if (root) process.seteuid!(65534);
  try {
    await what();
  } finally {
    if (root) process.seteuid!(0);
  }
}
