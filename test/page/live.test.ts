import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { LocalEngine } from '../../src/engine/local-engine.ts';
import { ApiKeys } from '../../src/server/api-keys.ts';
import { createApp } from '../../src/server/app.ts';
import { dashboardRoutes } from '../../src/server/dashboard.ts';
import { Lifecycle } from '../../src/server/lifecycle.ts';
import { ModelList } from '../../src/server/model-list.ts';
import { NodeServer } from '../../src/server/node-server.ts';
import { defaultOptions } from '../../src/server/options.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { record } from '../../src/trace/record.ts';
import { Run } from '../../viz/page/run.ts';
import { scenarios } from '../../viz/page/scenarios.ts';
import { add, ask } from '../engine/listening.ts';
import { until as holdsSoon, servedModel, shipped } from '../server/serving.ts';
import { sharedBrowser } from '../support/browser.ts';
import { builtPage } from '../support/built-page.ts';
import { coloursOf, written } from './browser.ts';
import { watchRest } from './rest.ts';

const html = readFileSync(builtPage(), 'utf8');
const browser = sharedBrowser();

const errors: string[] = [];
afterEach(() => {
  expect(errors.splice(0)).toEqual([]);
});

/** A page works for each answer: it is not asked all the time. */
const until = (holds: () => boolean | Promise<boolean>, what: string) => holdsSoon(holds, what, 30);

/** A simulated GPU with little memory, in real time. */
async function simulated(): Promise<LocalEngine & { watchers(): number }> {
  const config = { model: 'llama-2-7b', gpu: 'a100-80g', num_gpu_blocks_override: 300, max_num_seqs: 16 };
  const engine = await LocalEngine.load({ backend: 'simulated', config, tokenizer: shipped });
  onTestFinished(() => engine.close());
  let watchers = 0;
  const watch = engine.watch.bind(engine);
  engine.watch = told => {
    watchers++;
    const stop = watch(told);
    return () => {
      watchers--;
      stop();
    };
  };
  return Object.assign(engine, { watchers: () => watchers });
}

/** Requests that follow one another until the test ends, and the engine with them. */
function load(engine: LocalEngine, clients = 12): void {
  let going = true;
  let seed = 0;
  const client = async () => {
    while (going) {
      const prompt = Array.from({ length: 40 + ((seed * 37) % 200) }, (_, i) => 300 + ((i * 7 + seed) % 200));
      const options = { maxTokens: 60 + ((seed * 29) % 150), ignoreEos: true, seed: seed++ };
      await (await add(engine, ask(prompt, options))).end;
    }
  };
  const all = Array.from({ length: clients }, client);
  onTestFinished(async () => {
    going = false;
    await engine.close();
    await Promise.all(all);
  });
}

interface Site {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

async function serve(
  engines: readonly LocalEngine[],
  options: { port?: number; key?: string } = {},
): Promise<Site> {
  const models = new ModelList(engines.map((engine, i) => servedModel(engine, { id: `model-${i}` })));
  const lifecycle = new Lifecycle();
  const app = createApp({ models, lifecycle, options: defaultOptions });
  const keys = new ApiKeys(options.key === undefined ? [] : [options.key]);
  dashboardRoutes(app, { models, keys, lifecycle, page: async () => html });
  const server = await NodeServer.listen(app, { host: '127.0.0.1', port: options.port ?? 0 });
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= server.close(0);
    return closed;
  };
  onTestFinished(close);
  return { url: `${server.url}/dashboard`, port: server.port, close };
}

async function open(url: string): Promise<Page> {
  const page = await browser().newPage();
  onTestFinished(() => page.close());
  await page.setViewportSize({ width: 1680, height: 1050 });
  page.on('pageerror', error => errors.push(error.stack ?? error.message));
  page.on('console', message => {
    // A server that is gone, or wants a key, is what some tests are about.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      errors.push(message.text());
  });
  page.on('request', request => {
    const { origin } = new URL(url);
    if (/^https?:/.test(request.url()) && !request.url().startsWith(origin)) errors.push(request.url());
  });
  await watchRest(page);
  await page.goto(url);
  return page;
}

const canvas = (name: string) => `.pane [data-view=${name}] canvas`;
const timeOf = async (page: Page) => Number.parseFloat(await page.locator('.transport .time').innerText());
const stepsOf = async (page: Page) =>
  Number(/(\d+) steps/.exec(await page.locator('.live-figures').innerText())?.[1] ?? 0);

/** The time at the cursor goes on. */
async function advances(page: Page): Promise<void> {
  await page.locator('.pane .figures > div').first().waitFor();
  // What is written follows the picture.
  await until(async () => Number.isFinite(await timeOf(page)), 'the time at the cursor is written');
  const before = await timeOf(page);
  await until(async () => (await timeOf(page)) > before, 'the time at the cursor goes on');
}

test('requests a second of a part of a run are over the time of the part', async () => {
  const config = { ...scenarios[0]!.config, num_prompts: 12 };
  const recording = await record(config, 'vllm', { model: findModel(config.model!)! });
  const whole = new Run(recording);
  expect(whole.throughput).toBe(whole.summary.throughput);
  const part = new Run(recording, whole.end - 0.5);
  expect(part.throughput).toBeCloseTo(12 / 0.5);
  expect(new Run(recording, whole.end).throughput).toBe(0);
});

test('the page follows an engine: blocks, steps, figures; a pin stays with its request', async () => {
  const engine = await simulated();
  const { url } = await serve([engine]);
  const page = await open(url);
  await page.locator('.live-waits', { hasText: 'idle' }).waitFor();
  expect(await page.locator('.toolbar.live select').inputValue()).toBe('model-0');
  expect(await page.title()).toBe('Quire: live, model-0');
  load(engine);
  await advances(page);
  await until(async () => (await stepsOf(page)) > 20, 'steps are counted');
  for (const name of ['memory-map', 'timeline', 'memory-over-time', 'step-time']) {
    expect(await coloursOf(page, canvas(name)), name).toBeGreaterThan(3);
  }
  // The map shows as many blocks as the engine has, which hold what the engine says they hold.
  await page.locator('.pane [data-view=memory-map] canvas[aria-label*="300"]').waitFor();
  expect(await page.locator('.live-figures').innerText()).toMatch(
    /^\d+ running · \d+ waiting.* · KV \d+.*% · [\d.,]+ tokens\/s out · [\d.,]+ in · .*\d+ steps$/,
  );
  expect(await page.locator('.follow').getAttribute('aria-pressed')).toBe('true');
  // Of what was recorded, which is no whole run.
  const since = page.locator('.pane .latencies b');
  expect(await since.innerText()).toMatch(/^since [\d.,]+ s$/);
  expect(await since.getAttribute('title')).toMatch(/^since the recording began/);
  expect(await page.locator('.pane .figures > div').first().getAttribute('title')).toBe(
    'requests finished a second, since the recording began',
  );
  expect(await page.locator('.pane .now-line').innerText()).toMatch(/^step \d+ of \d+ recorded · /);
  expect(await page.locator('body').innerText()).not.toContain('whole run');

  // Pinned while all goes on.
  await page.locator('.decisions button').first().click();
  await page.locator('.inspector h2').filter({ hasText: /./ }).waitFor();
  await page.locator('.inspector .request').first().click();
  await page.locator('.inspector h2', { hasText: /^Request/ }).waitFor();
  const title = await page.locator('.inspector h2').innerText();
  expect(title).toMatch(/^Request #?\d+$/);
  await advances(page);
  expect(await page.locator('.inspector h2').innerText()).toBe(title);
  expect(await page.locator('.follow').getAttribute('aria-pressed')).toBe('true');
  // Until it has left the recordings: then the pin is let go, and not another request's.
  await until(async () => {
    const now = await page.locator('.inspector h2').innerText();
    expect([title, 'Inspector']).toContain(now);
    return now === 'Inspector';
  }, 'the request leaves');
});

test('keys and dragging stand still, End follows again; what lies under a resting pointer is told anew', async () => {
  const engine = await simulated();
  load(engine);
  const page = await open((await serve([engine])).url);
  await advances(page);
  const follow = page.locator('.follow');
  const pressed = () => follow.getAttribute('aria-pressed');
  const stopped = async () => {
    await written(page);
    expect(await pressed()).toBe('false');
    const steps = await stepsOf(page);
    const time = await timeOf(page);
    await until(async () => (await stepsOf(page)) > steps + 20, 'the engine goes on');
    expect(await timeOf(page)).toBe(time);
    return time;
  };
  await page.keyboard.press('ArrowLeft');
  await until(async () => (await pressed()) === 'false', 'a key stands still');
  const time = await stopped();
  await page.keyboard.press('ArrowLeft');
  await until(async () => (await timeOf(page)) < time, 'a step back');
  await page.keyboard.press('End');
  await until(async () => (await timeOf(page)) > time, 'it has caught up');
  expect(await pressed()).toBe('true');
  await advances(page);

  const box = (await page.locator(canvas('timeline')).boundingBox())!;
  const at = [box.x + box.width * 0.7, box.y + box.height * 0.5] as const;
  await page.mouse.move(...at);
  await page.mouse.down();
  await page.mouse.move(at[0] - 60, at[1], { steps: 4 });
  await page.mouse.up();
  await stopped();
  await follow.click();
  await advances(page);
  await page.keyboard.press(' ');
  await until(async () => (await pressed()) === 'false', 'Space stands still');
  await stopped();
  await page.keyboard.press(' ');
  await advances(page);

  const map = (await page.locator(canvas('memory-over-time')).boundingBox())!;
  await page.mouse.move(map.x + map.width * 0.6, map.y + map.height * 0.5);
  const tooltip = page.locator('.tooltip');
  const said = await tooltip.innerText();
  expect(said).not.toBe('');
  await until(async () => (await tooltip.innerText()) !== said, 'the tooltip is of the newest recording');
});

test('when the server is gone the page says so, and goes on when it is back', async () => {
  const engine = await simulated();
  load(engine);
  const site = await serve([engine]);
  const page = await open(site.url);
  await advances(page);
  expect(await page.locator('.toolbar .message').isHidden()).toBe(true);
  await site.close();
  const banner = page.locator('.toolbar .message', { hasText: 'Connection lost' });
  await banner.waitFor();
  // What was there is still to be looked at.
  expect(await coloursOf(page, canvas('memory-map'))).toBeGreaterThan(3);
  await until(() => engine.watchers() === 0, 'nobody watches');
  const again = await serve([engine], { port: site.port });
  expect(again.url).toBe(site.url);
  await banner.waitFor({ state: 'hidden' });
  await advances(page);
  expect(engine.watchers()).toBe(1);
});

test('two pages look at one recording; with the last the recording ends', async () => {
  const engine = await simulated();
  load(engine);
  const { url } = await serve([engine]);
  const [one, two] = [await open(url), await open(url)];
  await Promise.all([advances(one), advances(two)]);
  expect(engine.watchers()).toBe(1);
  await one.close();
  await advances(two);
  expect(engine.watchers()).toBe(1);
  await two.close();
  await until(() => engine.watchers() === 0, 'nothing is recorded');
  expect(engine.failure).toBeUndefined();
});

test('of several models one is chosen; the other one is not recorded', async () => {
  const engines = [await simulated(), await simulated()];
  load(engines[1]!);
  const page = await open((await serve(engines)).url);
  await page.locator('.live-waits', { hasText: 'idle' }).waitFor();
  expect(engines.map(engine => engine.watchers())).toEqual([1, 0]);
  await page.locator('.toolbar.live select').selectOption('model-1');
  await advances(page);
  await until(() => engines[0]!.watchers() === 0, 'the first is let go');
  expect(engines[1]!.watchers()).toBe(1);
  await page.locator('.toolbar.live select').selectOption('model-0');
  await page.locator('.live-waits', { hasText: 'idle' }).waitFor();
  expect(await page.locator('.pane').isHidden()).toBe(true);
});

test('with a key: the page asks for it once', async () => {
  const engine = await simulated();
  load(engine);
  const { url } = await serve([engine], { key: 'secret' });
  const page = await open(url);
  await page.locator('input[name=key]').fill('wrong');
  await page.keyboard.press('Enter');
  await page.getByText('no key of this server').waitFor();
  await page.locator('input[name=key]').fill('secret');
  await page.keyboard.press('Enter');
  await advances(page);
  expect(page.url()).toBe(url);
  await page.reload();
  await advances(page);
});

test('hours of it: recordings come and go, and memory stays', async () => {
  const engine = await simulated();
  load(engine);
  const { url } = await serve([engine]);
  const page = await open(url);
  const session = await page.context().newCDPSession(page);
  await advances(page);
  let shown = 0;
  page.on('response', response => {
    if (response.url().includes('/recording/')) shown++;
  });
  const heap = async () => {
    await session.send('HeapProfiler.collectGarbage');
    return (await session.send('Runtime.getHeapUsage')).usedSize;
  };
  const nodes = () => page.evaluate(() => document.querySelectorAll('*').length);
  await until(() => shown > 10, 'it has warmed up');
  const before = { heap: await heap(), nodes: await nodes() };
  const from = shown;
  await until(() => shown > from + 20, 'twenty recordings');
  expect(await heap()).toBeLessThan(before.heap + 3e6);
  expect(await nodes()).toBeLessThan(before.nodes * 1.5 + 100);
});
