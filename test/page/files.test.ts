import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { record } from '../../src/trace/record.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { encodeRecordings } from '../../src/trace/recording-file.ts';
import { scenarios } from '../../viz/page/scenarios.ts';
import { folder, succeed } from '../support/cli.ts';
import { addressOf, pageUnderTest, patient, ready, stepOf, written } from './browser.ts';

const site = pageUnderTest();

const config = { ...scenarios[0]!.config, num_prompts: 12 };

function recorded(...policies: string[]): Promise<Recording[]> {
  return Promise.all(policies.map(policy => record(config, policy, { model: findModel(config.model!)! })));
}

test('a recording that is opened takes the place of the simulations, and can be left again', async () => {
  const path = site.write('run.quire', await encodeRecordings(await recorded('orca-max', 'vllm', 'tgi-3')));
  const page = await site.open();
  await ready(page);
  await page.locator('input[type=file]').setInputFiles(path);
  await page.locator('.sentence', { hasText: 'times the rate of orca-max' }).waitFor();
  expect(await page.locator('.shown').innerText()).toBe('run.quire');
  expect(await page.locator('.controls').isVisible()).toBe(false);
  expect(await page.locator('.pane[data-side=a] .policy option').allInnerTexts()).toEqual([
    'orca-max',
    'vllm',
    'tgi-3',
  ]);
  await page.locator('.pane[data-side=b] .policy select').selectOption('tgi-3');
  await page.waitForFunction(() =>
    document.querySelector('.sentence')!.textContent!.startsWith('tgi-3 served'),
  );
  await page.getByRole('button', { name: 'Close the file' }).click();
  await ready(page);
  expect(await page.locator('.sentence').innerText()).toContain('deepspeed-static');
});

test('a results file of quire compare brings its settings', async () => {
  const cwd = folder();
  const flags = '--policy orca-pow2,sglang --num-prompts 12 --seed 3 --replications 2 --kv-slots 4096';
  await succeed(['compare', ...flags.split(' '), '--out', 'results.json'], { cwd });
  const path = join(cwd, 'results.json');
  const page = await site.open();
  await ready(page);
  await page.locator('input[type=file]').setInputFiles(path);
  await page.waitForFunction(() =>
    document.querySelector('.sentence')!.textContent!.startsWith('sglang served'),
  );
  expect(await page.locator('input[name=num_prompts]').inputValue()).toBe('12');
  expect(await page.locator('input[name=seed]').inputValue()).toBe('3');
  expect(await page.locator('input[name=kv_slots]').inputValue()).toBe('4096');
  const address = await addressOf(page);
  expect([address.get('a'), address.get('b'), address.get('scenario')]).toEqual([
    'orca-pow2',
    'sglang',
    'own',
  ]);
});

test('a file of another kind, or a damaged one, is named with what was expected; the page goes on', async () => {
  const good = await encodeRecordings(await recorded('vllm'));
  const page = await site.open('scenario=latecomers&t=1');
  await ready(page);
  for (const [name, content, message] of [
    ['photo.quire', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]), /photo\.quire.*record/s],
    ['empty.quire', new Uint8Array(), /empty\.quire/],
    ['cut.quire', good.slice(0, good.length >> 1), /cut\.quire/],
    ['cut.json', '{"config": {', /cut\.json: not JSON to its end/],
    ['other.json', '{"a": 1}', /other\.json: no results in it; expected/],
    [
      'bad.json',
      '{"config": {"gpus": 3}, "results": []}',
      /bad\.json: unknown setting "gpus"; did you mean gpu/,
    ],
    ['bare.json', '{"results": []}', /bare\.json: results without a config/],
    ['table.csv', 'a,b,c\n1,2,3\n', /table\.csv: not a trace that Quire knows.*azure.*burstgpt/s],
    ['old.quire', older(good), /old\.quire: is a recording of format 0, .*record the run again/],
    ['events.jsonl', '{"policy":"vllm","type":"arrived"}\n', /events\.jsonl: events as lines.*run\.quire/],
    [
      'trace.json',
      JSON.stringify({ quire: { config: { trace: 'azure.csv' } }, results: [] }),
      /trace\.json: these results need a file .*quire report/,
    ],
  ] as const) {
    await page.locator('input[type=file]').setInputFiles(site.write(name, content));
    await expect
      .poll(() => page.locator('.message').innerText(), { ...patient, message: name })
      .toMatch(message);
  }
  const step = await stepOf(page, 'b');
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => stepOf(page, 'b'), patient).toBe(step + 1);
});

test('a file is dropped anywhere on the page', async () => {
  const bytes = [...(await encodeRecordings(await recorded('sarathi')))];
  const page = await site.open();
  await ready(page);
  const transfer = await page.evaluateHandle(content => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(content)], 'dropped.quire'));
    return data;
  }, bytes);
  await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await page.locator('.shown', { hasText: 'dropped.quire' }).waitFor();
  await ready(page);
  expect(await page.locator('.pane[data-side=a] .policy select').inputValue()).toBe('sarathi');
  expect(await page.locator('.pane[data-side=b]').isVisible()).toBe(false);
});

test('recordings in the document are shown instead of simulating, and its address restores the cursor', async () => {
  const bytes = await encodeRecordings(await recorded('hf-static', 'vllm'));
  const script = `<script type="application/octet-stream" id="quire-recordings">${Buffer.from(bytes).toString('base64')}</script>`;
  const file = site.write(
    'report.html',
    site.html().replace('</body>', () => `${script}</body>`),
  );
  const page = await site.open('t=2&b=vllm', { file });
  await ready(page);
  expect(await page.locator('.sentence').innerText()).toContain('vllm served');
  expect(await page.locator('.controls').isVisible()).toBe(false);
  expect(await page.getByRole('button', { name: 'Close the file' }).isVisible()).toBe(false);
  expect(await page.locator('.time').innerText()).toBe('2.000 s');
  await page.keyboard.press('ArrowRight');
  expect(Number((await addressOf(page)).get('t'))).toBeGreaterThan(2);
});

test('a damaged report says so, and simulates', async () => {
  const script = '<script type="application/octet-stream" id="quire-recordings">?!</script>';
  const file = site.write(
    'damaged.html',
    site.html().replace('</body>', () => `${script}</body>`),
  );
  const page = await site.open('', { file });
  await ready(page);
  expect(await page.locator('.message').innerText()).toMatch(/report is damaged/);
  expect(await page.locator('.sentence').innerText()).toContain('vllm served');
});

/** The same with another version of the format. */
function older(bytes: Uint8Array): Uint8Array {
  const other = bytes.slice();
  new DataView(other.buffer).setUint32(8, 0, true);
  return other;
}

const azure = [
  'TIMESTAMP,ContextTokens,GeneratedTokens',
  ...Array.from({ length: 30 }, (_, i) => `2023-11-16 18:17:${10 + i}.5,${20 + i},${5 + (i % 7)}`),
].join('\n');
const mooncake = Array.from({ length: 30 }, (_, i) =>
  JSON.stringify({ timestamp: i * 100, input_length: 600 + i, output_length: 9, hash_ids: [0, i + 1] }),
).join('\n');
const own = Array.from({ length: 30 }, (_, i) =>
  JSON.stringify({ arrival_s: i * 0.1, input_tokens: 40 + i, output_tokens: 8 }),
).join('\n');

const served = (page: Page) => page.locator('.latencies').allInnerTexts();

test.for([
  ['azure.csv', azure, 'azure'],
  ['azure.csv.gz', gzipSync(azure), 'azure'],
  ['mooncake.jsonl', mooncake, 'mooncake'],
  ['own.json', own, 'quire'],
] as const)('a trace that is opened is served by both panes: %s', async ([name, content, format]) => {
  const page = await site.open('scenario=chat&t=1');
  await ready(page);
  await page.locator('input[type=file]').setInputFiles(site.write(name, content));
  await page.locator('.shown', { hasText: name }).waitFor();
  await ready(page);
  await expect
    .poll(() => served(page), patient)
    .toEqual([
      expect.stringMatching(/^whole run 30 finished/),
      expect.stringMatching(/^whole run 30 finished/),
    ]);
  expect(await page.locator('.toolbar .note').textContent()).toContain(`${format} trace`);
  // A file of the user's is in no address, and what is not of it has no effect.
  expect((await addressOf(page)).get('trace')).toBeNull();
  expect(await page.locator('input[name=request_rate]').isDisabled()).toBe(true);
  await page.locator('input[name=num_prompts]').fill('7');
  await expect
    .poll(() => served(page), patient)
    .toEqual([
      expect.stringMatching(/^whole run 7 finished/),
      expect.stringMatching(/^whole run 7 finished/),
    ]);
  await page.getByRole('button', { name: 'Close the file' }).click();
  await ready(page);
  expect(await page.locator('.scenario').isVisible()).toBe(true);
});

test('a trace with a wrong row says which, in the panes', async () => {
  const page = await site.open();
  await ready(page);
  const path = site.write('wrong.jsonl', `${own}\n{"arrival_s": 9, "input_tokens": -4, "output_tokens": 1}`);
  await page.locator('input[type=file]').setInputFiles(path);
  await page.locator('.pane[data-side=b] .problem').waitFor();
  expect(await page.locator('.pane[data-side=b] .problem').innerText()).toMatch(/wrong\.jsonl.*31/);
});

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Microseconds that its thread worked on it, whatever else the machine did meanwhile. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** The longest that the page was kept from all else, in milliseconds of its main thread. */
async function longestTask(page: Page, during: () => Promise<void>): Promise<number> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ['toplevel'] });
  await during();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
  const named = trace.traceEvents.filter(({ name }) => name === 'thread_name');
  const main = new Set(named.filter(({ args }) => args.name === 'CrRendererMain').map(threadOf));
  const tasks = trace.traceEvents.filter(
    event => main.has(threadOf(event)) && event.name.endsWith('RunTask') && event.tdur !== undefined,
  );
  expect(tasks.length).toBeGreaterThan(20);
  return Math.max(...tasks.map(({ tdur }) => tdur! / 1e3));
}

/** Milliseconds of a task: 40 were measured for a recording of 100 MB. */
const LIMIT = 100;

test('100 MB of trace open without stopping the page: what is simulated is read, in a worker', async () => {
  const line = (i: number) => `{"arrival_s":${i / 10},"input_tokens":50,"output_tokens":10}\n`;
  const size = line(1e6).length;
  const path = site.write(
    'large.jsonl',
    Buffer.from(Array.from({ length: Math.ceil(1e8 / size) }, (_, i) => line(i)).join('')),
  );
  const page = await site.open('scenario=latecomers');
  await ready(page);
  const longest = await longestTask(page, async () => {
    await page.locator('input[type=file]').setInputFiles(path);
    await page.locator('.shown', { hasText: 'large.jsonl' }).waitFor();
    await ready(page);
    await expect
      .poll(() => served(page), patient)
      .toEqual([
        expect.stringMatching(/^whole run 200 finished/),
        expect.stringMatching(/^whole run 200 finished/),
      ]);
  });
  expect(longest).toBeLessThan(LIMIT);
}, 60_000);

test('a large file of another format is refused at once: only its beginning is read', async () => {
  const bytes = Buffer.alloc(120e6);
  bytes.write('QUIREREC');
  bytes.writeUInt32LE(bytes.length - 16, 12);
  const page = await site.open('scenario=latecomers');
  await ready(page);
  const longest = await longestTask(page, async () => {
    await page.locator('input[type=file]').setInputFiles(site.write('foreign.quire', bytes));
    await expect
      .poll(() => page.locator('.message').innerText(), patient)
      .toMatch(/foreign\.quire: is a recording of format 0/);
  });
  expect(longest).toBeLessThan(LIMIT);
}, 60_000);

/** From now on the page notes what its message says, and how long it works on each frame. */
const watchOpening = (page: Page) =>
  page.evaluate(() => {
    const words: string[] = [];
    const frames: number[] = [];
    Object.assign(window, { words, frames });
    const message = document.querySelector('.message')!;
    new MutationObserver(() => words.push(message.textContent!)).observe(message, {
      childList: true,
      subtree: true,
      characterData: true,
    });
    const ask = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = frame =>
      ask(stamp => {
        const begin = performance.now();
        frame(stamp);
        frames.push(performance.now() - begin);
      });
  });
const watched = <T>(page: Page, what: 'words' | 'frames') =>
  page.evaluate(name => (window as unknown as Record<string, unknown[]>)[name]!.splice(0), what) as Promise<
    T[]
  >;

describe('a long recording', () => {
  /** Of 8,000 requests: 2.6 million steps of a request, 40 MB of columns. */
  let long: Uint8Array;
  beforeAll(async () => {
    const model = findModel('llama-13b')!;
    long = await encodeRecordings([await record({ seed: 1, num_prompts: 8000 }, 'vllm', { model })]);
  }, 120_000);

  test('is read with a percentage, and the page goes on before and after', async () => {
    const path = site.write('long.quire', long);
    const page = await site.open('scenario=latecomers');
    await ready(page);
    await watchOpening(page);
    const longest = await longestTask(page, async () => {
      await page.locator('input[type=file]').setInputFiles(path);
      await page.locator('.shown', { hasText: 'long.quire' }).waitFor(patient);
      await ready(page);
    });
    expect(longest).toBeLessThan(LIMIT);
    const said = (await watched<string>(page, 'words')).flatMap(words => {
      const found = /Opening long\.quire: <?(\d+) %, (\w+)/.exec(words);
      return found ? [{ share: Number(found[1]), doing: found[2] }] : [];
    });
    expect([...new Set(said.map(({ doing }) => doing))]).toEqual(['unpacking', 'decoding', 'preparing']);
    expect(said.map(({ share }) => share)).toEqual(said.map(({ share }) => share).toSorted((a, b) => a - b));
    expect(said.length).toBeGreaterThan(20);

    await watched(page, 'frames');
    const bar = (await page.locator('.overview canvas').boundingBox())!;
    for (let i = 0; i < 40; i++) {
      await page.mouse.click(bar.x + ((i * 37) % 100) * (bar.width / 100), bar.y + 20);
      await page.waitForTimeout(20);
    }
    const seeks = (await watched<number>(page, 'frames')).sort((a, b) => a - b);
    expect(seeks.length).toBeGreaterThan(20);
    expect(seeks[seeks.length >> 1]).toBeLessThan(50);
  }, 120_000);

  test.for(['unpacking', 'decoding'])(
    'is given up by escape while it is %s',
    { timeout: 60_000 },
    async doing => {
      const page = await site.open('scenario=latecomers');
      await ready(page);
      const workers = page.workers().length;
      await page.locator('input[type=file]').setInputFiles(site.write(`${doing}.quire`, long));
      await page.locator('.message.busy', { hasText: doing }).waitFor(patient);
      await page.keyboard.press('Escape');
      await page.locator('.message').waitFor({ state: 'hidden' });
      // Nobody is left to bring it.
      await expect.poll(() => page.workers().length, patient).toBe(workers);
      await written(page);
      expect(await page.locator('.message').isVisible()).toBe(false);
      expect(await page.locator('.shown').innerText()).toBe('');
      await page.keyboard.press('ArrowRight');
      expect(await stepOf(page, 'b')).toBeGreaterThan(0);
    },
  );
});
