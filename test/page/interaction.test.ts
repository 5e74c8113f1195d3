import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { views } from '../../viz/views/index.ts';
import { addressOf, pageUnderTest, patient, ready } from './browser.ts';

const site = pageUnderTest();

const canvasOf = (side: 'a' | 'b', name: string) => `.pane[data-side=${side}] [data-view=${name}] canvas`;

/** A point of a canvas, in shares of its size. */
async function pointOf(page: Page, selector: string, x: number, y: number) {
  const box = (await page.locator(selector).boundingBox())!;
  return [box.x + box.width * x, box.y + box.height * y] as const;
}

test('hovering explains a block, a click pins it and the inspector says who holds it', async () => {
  const page = await site.open('scenario=pressure');
  await ready(page);
  const point = await pointOf(page, canvasOf('b', 'memory-map'), 0.5, 0.5);
  await page.mouse.move(...point);
  expect(await page.locator('.tooltip').innerText()).toMatch(/block \d+/i);
  await page.mouse.click(...point);
  const inspector = page.locator('.inspector');
  await inspector.waitFor();
  expect(await inspector.locator('h2').innerText()).toMatch(/^Block \d+$/);
  const said = await inspector.innerText();
  expect(said).toMatch(/tokens\s+\d+ of 16/);
  expect(said).toMatch(/reference count\s+\d/);
  expect(said).toMatch(/as it is since\s+step \d+/);
  const pin = (await addressOf(page)).get('pin')!;
  expect(pin).toMatch(/^b\.block\.\d+$/);
  await page.keyboard.press('Escape');
  await inspector.waitFor({ state: 'hidden' });
});

test('a block of a shared prefix lists all who share it', async () => {
  const page = await site.open('scenario=prefixes&pin=b.block.0&t=3');
  await ready(page);
  // Which block is shared, the address may say as well.
  for (let block = 0; block < 40; block++) {
    await page.evaluate(index => {
      location.hash = `scenario=prefixes&pin=b.block.${index}&t=3`;
    }, block);
    await page.locator('.inspector h2', { hasText: `Block ${block}` }).waitFor();
    const said = await page.locator('.inspector').innerText();
    if (!said.includes('shared by')) continue;
    const [, references] = /reference count\s+(\d+)/.exec(said)!;
    expect(Number(references)).toBeGreaterThan(1);
    expect(await page.locator('.inspector .links .request').count()).toBe(Number(references));
    return;
  }
  expect.unreachable('no block of the first forty is shared');
});

test('/ finds a request and pins it in both panes, with its block table and its decisions', async () => {
  const page = await site.open('scenario=latecomers&t=1');
  await ready(page);
  await page.keyboard.press('/');
  await page.locator('dialog.find[open]').waitFor();
  await page.keyboard.type('2');
  await page.keyboard.press('Enter');
  const inspector = page.locator('.inspector');
  await inspector.waitFor();
  expect(await inspector.locator('h2').innerText()).toBe('Request 2');
  expect(await inspector.locator('section').count()).toBe(2);
  expect(await inspector.locator('section').first().innerText()).toMatch(/0(–\d+)? → \d+/);
  await inspector.locator('.about button').first().click();
  await inspector.locator('h2', { hasText: 'Decision: arrived' }).waitFor();
  expect(await inspector.locator('.reason').innerText()).toBe('a prompt of 32 tokens');
  await page.keyboard.press('Escape');
  await inspector.waitFor({ state: 'hidden' });
});

test('the decisions of a step say why, and a click pins one', async () => {
  const page = await site.open('scenario=pressure&t=20');
  await ready(page);
  const blocked = page.locator('.pane[data-side=a] .decisions .blocked button').first();
  expect(await blocked.innerText()).toMatch(/needs \d+ blocks, \d+ free/);
  await blocked.click();
  await page.locator('.inspector h2', { hasText: 'Decision: blocked' }).waitFor();
  expect(await page.locator('.inspector .reason').innerText()).toMatch(/^needs \d+ blocks, \d+ free$/);
  await blocked.click();
  await page.locator('.inspector').waitFor({ state: 'hidden' });
});

test('dragging over a time axis seeks in both panes; Shift chooses a window with its percentiles', async () => {
  const page = await site.open('scenario=chat&t=1');
  await ready(page);
  const timeline = canvasOf('a', 'memory-over-time');
  const [x0, y] = await pointOf(page, timeline, 0.2, 0.5);
  const [x1] = await pointOf(page, timeline, 0.5, 0.5);
  await page.mouse.move(x0, y);
  await page.mouse.down();
  await page.mouse.move(x1, y, { steps: 4 });
  await page.mouse.up();
  const address = await addressOf(page);
  expect(Number(address.get('t'))).toBeGreaterThan(5);
  expect(address.has('window')).toBe(false);

  const whole = await page.locator('.latencies').allInnerTexts();
  await page.mouse.move(x0, y);
  await page.keyboard.down('Shift');
  await page.mouse.down();
  await page.mouse.move(x1, y, { steps: 4 });
  await page.mouse.up();
  await page.keyboard.up('Shift');
  await page.locator('.latencies.brushed').nth(1).waitFor();
  const within = await page.locator('.latencies').allInnerTexts();
  const finished = (text: string) => Number(/(\d+) finished/.exec(text)![1]);
  for (const [i, text] of within.entries()) {
    expect(text).toMatch(/^[\d.]+–[\d.]+ s/);
    expect(finished(text)).toBeLessThan(finished(whole[i]!));
  }
  expect(await page.locator('.brush:visible').count()).toBeGreaterThan(3);
  await page.keyboard.press('z');
  const zoomed = await addressOf(page);
  expect(zoomed.get('zoom')).toBe(zoomed.get('window'));
  await page.mouse.dblclick(x0, y);
  const reset = await addressOf(page);
  expect([reset.has('zoom'), reset.has('window')]).toEqual([false, false]);
});

test('the address restores everything: settings, policies, cursor, pin, window, theme, view', async () => {
  const hash =
    'scenario=burst&a=orca-max&b=tgi-3&num_prompts=20&kv_slots=4096&t=4.5&pin=b.request.3&window=1~6&zoom=0.5~8&theme=dark&speed=5&view=timeline';
  const page = await site.open(hash);
  await ready(page);
  expect(Object.fromEntries(await addressOf(page))).toEqual(Object.fromEntries(new URLSearchParams(hash)));
  const seen = async () => ({
    policies: await page
      .locator('.policy select')
      .evaluateAll(all => all.map(one => (one as HTMLSelectElement).value)),
    slots: await page.locator('input[name=kv_slots]').inputValue(),
    time: await page.locator('.time').innerText(),
    title: await page.locator('.inspector h2').innerText(),
    latencies: await page.locator('.latencies').allInnerTexts(),
    theme: await page.locator('html').getAttribute('data-theme'),
    views: await page.locator('.view:visible').count(),
  });
  const first = await seen();
  expect(first).toMatchObject({
    policies: ['orca-max', 'tgi-3'],
    slots: '4096',
    time: '4.500 s',
    title: 'Request 3',
    theme: 'dark',
    views: 2,
  });
  await page.reload();
  await ready(page);
  expect(await seen()).toEqual(first);
});

test('an address that makes no sense is explained, and the page shows its first scenario', async () => {
  const page = await site.open('scenario=nothing');
  await page.locator('.message', { hasText: 'scenario="nothing"' }).waitFor();
  for (const [hash, message] of [
    ['scenario=nonsense', /scenario="nonsense": expected one of chat/],
    ['kv_slots=-4', /kv_slots: expected a whole number/],
    ['frobnicate=1', /frobnicate="1": there is no such control/],
    ['b=vlm', /b="vlm": expected one of hf-static/],
    ['pin=everything', /pin="everything": expected a\.block\.17/],
    ['window=5~2', /window="5~2": expected two times/],
  ] as const) {
    await page.evaluate(text => {
      location.hash = text;
    }, hash);
    await expect
      .poll(() => page.locator('.message').innerText(), { ...patient, message: hash })
      .toMatch(message);
    await ready(page);
    expect(await page.locator('.sentence').innerText()).toContain('vllm served');
  }
});

test('t changes the theme, which is the system’s until then', async () => {
  const page = await site.open('', { colorScheme: 'dark' });
  await ready(page);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await background();
  await page.keyboard.press('t');
  await expect.poll(background, patient).not.toBe(dark);
  expect((await addressOf(page)).get('theme')).toBe('light');
  await page.keyboard.press('t');
  await expect.poll(background, patient).toBe(dark);
});

test('? shows the keys; they are not heard where somebody writes', async () => {
  const page = await site.open('scenario=latecomers&t=1');
  await ready(page);
  await page.keyboard.press('?');
  const dialog = page.locator('dialog.keys[open]');
  await dialog.waitFor();
  expect(await dialog.innerText()).toContain('one scheduler step');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await page.locator('input[name=seed]').focus();
  await page.keyboard.press('t');
  expect(await page.locator('html').getAttribute('data-theme')).toBe('light');
});

test('numbers focus views, and enlarge the one that has the focus', async () => {
  const page = await site.open('scenario=latecomers');
  await ready(page);
  await page.keyboard.press('2');
  const focused = () =>
    page.evaluate(() => document.activeElement!.closest('[data-view]')?.getAttribute('data-view'));
  expect(await focused()).toBe('timeline');
  expect(await page.locator('.view:visible').count()).toBe(2 * views.length);
  await page.keyboard.press('2');
  expect(await page.locator('.view:visible').count()).toBe(2);
  await page.keyboard.press('1');
  expect(await focused()).toBe('memory-map');
  await page.keyboard.press('Escape');
  await expect.poll(() => page.locator('.view:visible').count(), patient).toBe(2 * views.length);
});

test('all that can be clicked can be reached by Tab, and is named', async () => {
  const page = await site.open('scenario=latecomers&pin=b.request.1');
  await ready(page);
  const nameless = await page.locator('button, select, input:not([type=file]), canvas').evaluateAll(all =>
    all
      .filter(one => {
        const { tabIndex } = one as HTMLElement;
        const name =
          one.getAttribute('aria-label') ||
          one.textContent!.trim() ||
          (one.closest('label')?.textContent ?? '').trim();
        return !name || (tabIndex < 0 && !(one as HTMLButtonElement).disabled);
      })
      .map(one => one.outerHTML),
  );
  expect(nameless).toEqual([]);
});

for (const [width, height] of [
  [1280, 720],
  [1920, 1080],
] as const) {
  test(`nothing is wider than the screen at ${width} × ${height}, with the inspector open`, async () => {
    const page = await site.open('scenario=samples&pin=b.request.3&window=2~5', { width, height });
    await ready(page);
    const sizes = await page.evaluate(() => {
      const { scrollWidth, scrollHeight } = document.documentElement;
      const cut = [...document.querySelectorAll('.figures, .controls, .transport, .toolbar')].filter(
        element => element.scrollWidth > element.clientWidth + 1,
      );
      return { scrollWidth, scrollHeight, cut: cut.map(element => element.className) };
    });
    expect(sizes).toEqual({ scrollWidth: width, scrollHeight: height, cut: [] });
  });
}

test('Perfetto gets the trace of what is shown, once it says that it listens', async () => {
  const page = await site.open('scenario=latecomers');
  await ready(page);
  await page.evaluate(() => {
    const asked: unknown[] = [];
    Object.assign(window, { asked });
    // A tab that answers as Perfetto does; its window is this one, for a message has to come from a window.
    const tab = Object.create(window, {
      closed: { value: false },
      postMessage: {
        value: (message: unknown) => {
          asked.push(message);
          if (message !== 'PING') return;
          const origin = 'https://ui.perfetto.dev';
          const pong = new MessageEvent('message', { data: 'PONG', origin });
          Object.defineProperty(pong, 'source', { value: tab });
          window.dispatchEvent(pong);
        },
      },
    });
    window.open = () => tab;
  });
  await page.getByRole('button', { name: 'Open these runs in Perfetto' }).click();
  const text = await page.waitForFunction(() => {
    const { asked } = window as unknown as { asked: (string | { perfetto: { buffer: ArrayBuffer } })[] };
    const last = asked.at(-1);
    return typeof last === 'object' && new TextDecoder().decode(last.perfetto.buffer);
  });
  const { traceEvents } = JSON.parse((await text.jsonValue()) as string);
  const processes = traceEvents.filter((event: { name: string }) => event.name === 'process_name');
  expect(processes.map((event: { args: { name: string } }) => event.args.name)).toEqual(
    expect.arrayContaining([expect.stringContaining('hf-static'), expect.stringContaining('vllm')]),
  );
});
