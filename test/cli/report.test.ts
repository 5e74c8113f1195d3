import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { pageWith } from '../../src/cli/page.ts';
import { type ReportOptions, report } from '../../src/cli/report.ts';
import { UsageError } from '../../src/core/errors.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { sharedBrowser } from '../support/browser.ts';
import { builtPage } from '../support/built-page.ts';
import { contents, folder, refuse, succeed } from '../support/cli.ts';

const two = ['compare', '--policy', 'hf-static,vllm', '--num-prompts', '20', '--replications', '1'];

/** A folder with r.json, of a run with these flags. */
async function furnished(flags: readonly string[] = two): Promise<string> {
  const cwd = folder();
  await succeed([...flags, '--out', 'r.json'], { cwd });
  return cwd;
}

/** Runs `quire report` in this process, with a page of the sources as they are; hands back what it prints. */
async function written(cwd: string, options: ReportOptions = {}, page?: string): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  const out = options.out ?? join(cwd, 'r.html');
  await report(join(cwd, 'r.json'), { ...options, out }, page ?? (await plainPage(cwd)));
  const text = write.mock.calls.map(([piece]) => piece).join('');
  write.mockRestore();
  return text;
}

/** Stands for the page where only what is put into it matters. */
async function plainPage(cwd: string): Promise<string> {
  const file = join(cwd, 'page.html');
  writeFileSync(
    file,
    '<!doctype html><html><head><title>Page</title><script>"<body>"; "</body>"</script></head><body class="a"><p>$&</p></body></html>',
  );
  return file;
}

function embeddedIn(html: string) {
  const data = /<script type="application\/octet-stream" id="quire-recordings">([^<]*)<\/script>/.exec(
    html,
  )![1]!;
  return decodeRecordings(Buffer.from(data, 'base64'), 'report');
}

describe('quire report', () => {
  test('embeds the first replication of each policy, and the figures as tables', async () => {
    const cwd = await furnished();
    const said = await written(cwd);
    expect(said).toMatch(/^report: .*r\.html \(0\.\d\d MB\)\n$/);
    const html = readFileSync(join(cwd, 'r.html'), 'utf8');
    const { results } = JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8'));
    const recordings = await embeddedIn(html);
    expect(recordings.map(({ policy }) => policy)).toEqual(['hf-static', 'vllm']);
    for (const [i, { requests, steps }] of recordings.entries()) {
      expect(requests).toHaveLength(20);
      expect(steps.count).toBe(results[i].steps);
      const latency = requests.reduce((sum, request) => sum + request.finished - request.arrival, 0) / 20;
      expect(latency * 1000).toBeCloseTo(results[i].mean_e2el_ms, 6);
    }
    expect(html.includes('<td class="words">hf-static</td>')).toBe(true);
    expect(html).toMatch(/vllm served [\d.]+ \(one run: no interval\) times the rate of hf-static/);
    expect(html).toContain(
      '<title>Quire: hf-static, vllm · llama-13b on a100-40g · sharegpt, all at once · 20 requests</title>',
    );
    // What the page held is there, and in its order.
    expect(html).toMatch(
      /<body class="a"><style>[\s\S]*<p>\$&<\/p><script type="application[^>]*>[^<]*<\/script>\s*<\/body>/,
    );
  });

  test('of several replications: the first, and says so', async () => {
    const cwd = await furnished([...two.slice(0, -1), '3', '--request-rate', '4', '--seed', '5']);
    expect(await written(cwd)).toContain('note: The views show the first replication');
    const html = readFileSync(join(cwd, 'r.html'), 'utf8');
    const [recording] = await embeddedIn(html);
    expect(recording!.config['seed']).toBe(5);
    expect(html).toContain('mean of 3 seeds</b> · the figures; the views below show seed 5</summary>');
  });

  test('of more than four policies: the first four, or those that are named', async () => {
    const names = ['hf-static', 'orca-max', 'vllm', 'sarathi', 'vllm-v0'];
    const cwd = await furnished([
      'compare',
      '--policy',
      names.join(','),
      '--num-prompts',
      '5',
      '--replications',
      '1',
    ]);
    expect(await written(cwd)).toMatch(/note: Without views.*: vllm-v0\./);
    const shown = async () =>
      (await embeddedIn(readFileSync(join(cwd, 'r.html'), 'utf8'))).map(({ policy }) => policy);
    expect(await shown()).toEqual(names.slice(0, 4));
    await written(cwd, { policy: 'vllm-v0, vllm' });
    expect(await shown()).toEqual(['vllm-v0', 'vllm']);
    await expect(written(cwd, { policy: 'tgi-3' })).rejects.toThrow(
      /--policy: expected some of hf-static.*found "tgi-3"/,
    );
    await expect(written(cwd, { policy: names.join() })).rejects.toThrow(/at most 4/);
    await expect(written(cwd, { policy: 'vllm,vllm' })).rejects.toThrow(/twice/);
  });

  test('stays below 3 MB: whole runs as long as they fit, --whole embeds all', async () => {
    const cwd = await furnished([
      'compare',
      '--policy',
      'hf-static,sglang,vllm',
      '--num-prompts',
      '100',
      '--replications',
      '1',
    ]);
    // A page that leaves little room.
    const page = join(cwd, 'page.html');
    writeFileSync(page, `<html><head><title>x</title></head><body>${' '.repeat(2_790_000)}</body></html>`);
    const said = await written(cwd, {}, page);
    const html = () => readFileSync(join(cwd, 'r.html'), 'utf8');
    expect(statSync(join(cwd, 'r.html')).size).toBeLessThan(3e6);
    expect(said).toContain('Without views, for they would not fit: vllm.');
    expect((await embeddedIn(html())).map(({ policy }) => policy)).toEqual(['hf-static', 'sglang']);
    await written(cwd, { whole: true }, page);
    expect(statSync(join(cwd, 'r.html')).size).toBeGreaterThan(3e6);
    expect(await embeddedIn(html())).toHaveLength(3);
  });

  test('cuts runs where not even two fit, and says how much is left', async () => {
    const cwd = await furnished([
      'compare',
      '--policy',
      'hf-static,vllm',
      '--num-prompts',
      '100',
      '--replications',
      '1',
    ]);
    const page = join(cwd, 'page.html');
    writeFileSync(page, `<html><head><title>x</title></head><body>${' '.repeat(2_920_000)}</body></html>`);
    const said = await written(cwd, {}, page);
    expect(statSync(join(cwd, 'r.html')).size).toBeLessThan(3e6);
    expect(said.replaceAll(/\s+/g, ' ')).toMatch(/Of vllm the views show the first [\d.]+ s of [\d.]+ s/);
    const { results } = JSON.parse(readFileSync(join(cwd, 'r.json'), 'utf8'));
    const [a, b] = await embeddedIn(readFileSync(join(cwd, 'r.html'), 'utf8'));
    expect(a!.steps.count).toBeLessThan(results[0].steps);
    expect(b!.steps.count).toBeLessThan(results[1].steps);
  });

  test('--svg writes each view of each policy, in the middle or when told', async () => {
    const cwd = await furnished();
    await written(cwd, { svg: join(cwd, 'svg') });
    const views = ['memory-map', 'memory-over-time', 'queue', 'sharing', 'step-time', 'timeline'];
    const expected = ['hf-static', 'vllm'].flatMap(policy => views.map(view => `${policy}.${view}.svg`));
    expect(readdirSync(join(cwd, 'svg')).sort()).toEqual(expected);
    const middle = readFileSync(join(cwd, 'svg/vllm.memory-map.svg'), 'utf8');
    expect(middle).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    await written(cwd, { svg: join(cwd, 'svg'), at: '0.5' });
    expect(readFileSync(join(cwd, 'svg/vllm.memory-map.svg'), 'utf8')).not.toBe(middle);
    await expect(written(cwd, { svg: join(cwd, 'svg'), at: '1e9' })).rejects.toThrow(
      /--at: .* was done at [\d.]+ s/,
    );
    await expect(written(cwd, { svg: join(cwd, 'svg'), at: 'x' })).rejects.toThrow(/--at: expected seconds/);
    await expect(written(cwd, { at: '1' })).rejects.toThrow(/--at.*--svg/);
  });
});

describe('quire report refuses', () => {
  let results: Record<string, unknown>;
  // Made in the first test that needs them, as folders last as long as a test.
  beforeEach(async () => {
    results ??= JSON.parse(await succeed([...two, '--json'], { cwd: folder() }));
  });

  const quire = () => results['quire'] as Record<string, unknown>;
  const first = () => (results['results'] as Record<string, unknown>[])[0]!;

  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['a config', () => quire()['config'], /no results file/],
    ['a list', () => [1], /no results file/],
    ['no result', () => ({ ...results, results: [] }), /no results file/],
    [
      'an older version',
      () => ({ ...results, quire: { ...quire(), version: '0.0.9' } }),
      /made by Quire 0\.0\.9.*quire run/,
    ],
    [
      'a missing figure',
      () => ({ ...results, results: [{ ...first(), mean_ttft_ms: undefined }] }),
      /results\[0\]\.mean_ttft_ms: expected a number/,
    ],
    [
      'a figure that is text',
      () => ({ ...results, results: [{ ...first(), cost: 'x' }] }),
      /results\[0\]\.cost: expected an object, found "x"/,
    ],
    [
      'a comparison of others',
      () => ({ ...results, comparisons: [{ policy: 'a', baseline: 'b' }] }),
      /comparisons\[0\]/,
    ],
    ['notes that are none', () => ({ ...results, notes: 'x' }), /notes: expected a list/],
    [
      'a setting that does not exist',
      () => ({ ...results, quire: { ...quire(), config: { polcy: 'vllm' } } }),
      /polcy/,
    ],
    [
      'other figures than the run comes to',
      () => ({ ...results, results: [{ ...first(), completed: 19 }], comparisons: [] }),
      /completed 19 requests then, and 20 now/,
    ],
    [
      'a trace that is gone',
      () => ({
        ...results,
        quire: { ...quire(), config: { policy: ['hf-static', 'vllm'], trace: 'gone.csv' } },
      }),
      /gone\.csv: no such file.*is repeated/,
    ],
  ];
  test.each(cases)('%s', async (_, document, message) => {
    const cwd = folder();
    writeFileSync(join(cwd, 'r.json'), JSON.stringify(document()));
    const before = contents(cwd);
    const failure = await written(cwd).catch(error => error);
    expect(failure).toBeInstanceOf(UsageError);
    expect(failure.message).toMatch(message);
    const { 'page.html': _page, ...after } = contents(cwd);
    expect(after).toEqual(before);
  });

  test('a file that is not JSON, or not there', async () => {
    const cwd = folder();
    writeFileSync(join(cwd, 'r.txt'), 'x');
    expect(await refuse(['report', 'r.txt'], { cwd, alone: true })).toMatch(/^r\.txt: not JSON/);
    expect(await refuse(['report', 'gone.json'], { cwd })).toBe('gone.json: no such file');
  });

  // The commands that these tests build have no page beside them.
  test('before it runs, when the page was not built', async () => {
    const cwd = await furnished();
    expect(await refuse(['report', 'r.json'], { cwd, alone: true })).toMatch(
      /index\.html: the page was not built.*npm run build/,
    );
    expect(await refuse(['viz'], { cwd })).toMatch(/index\.html: the page was not built.*npm run build/);
  });

  test('to write over the results', async () => {
    const cwd = await furnished();
    await expect(written(cwd, { out: join(cwd, 'r.json') })).rejects.toThrow(/--out .*written over/);
  });
});

test('a page without title or closing tags takes what is put into it all the same', () => {
  const page = pageWith('<body><p>page</p></body>', { title: 'a & b', text: '<b>text</b>' });
  expect(page).toBe('<body><b>text</b><p>page</p></body>');
});

describe('the report in a browser', () => {
  const browser = sharedBrowser();

  test('opens from a disk, shows both policies, and asks the network for nothing', async () => {
    const cwd = await furnished();
    await written(cwd, {}, builtPage());
    const page = await browser().newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', request => requests.push(request.url()));
    page.on('pageerror', error => complaints.push(error.message));
    page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
    const url = pathToFileURL(join(cwd, 'r.html')).href;
    await page.goto(url);
    await page.locator('canvas').first().waitFor();
    expect(await page.locator('select option:checked').allTextContents()).toEqual(
      expect.arrayContaining(['hf-static', 'vllm']),
    );
    await page.getByText('the figures').click();
    expect(await page.locator('details.quire-results table').count()).toBe(3);
    expect(await page.getByText('vllm served').first().isVisible()).toBe(true);
    expect(complaints).toEqual([]);
    expect(requests.filter(request => request !== url && !/^(data|blob):/.test(request))).toEqual([]);
  });

  test('is readable without scripts', async () => {
    const cwd = await furnished();
    await written(cwd, {}, builtPage());
    const context = await browser().browser()!.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(pathToFileURL(join(cwd, 'r.html')).href);
    const text = await page.locator('body').innerText();
    expect(text).toContain('TTFT p50');
    expect(text.match(/vllm served/g)).toHaveLength(1);
  });
});
