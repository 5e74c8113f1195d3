import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { tours } from '../../viz/page/tours/index.ts';
import { addressOf, pageUnderTest, patient, ready } from './browser.ts';
import { seen } from './stops.ts';

const site = pageUnderTest();

/** A projector of 1280 × 720: all of the card is on it, in letters of 16 pixels, and covers no view. */
async function expectOnProjector(page: Page, stop: string): Promise<void> {
  expect(page.viewportSize()).toEqual({ width: 1280, height: 720 });
  const found = await page.evaluate(() => {
    const box = (of: Element) => of.getBoundingClientRect();
    const card = document.querySelector('.tour-card')!;
    const written = [...card.querySelectorAll('*')].filter(one => one.textContent && !one.children.length);
    const shown = [...document.querySelectorAll('.view')].filter(view => box(view).height > 0);
    const cut = [...document.querySelectorAll('.figures')].filter(one => one.scrollWidth > one.clientWidth);
    return {
      letters: Math.min(...written.map(one => Number.parseFloat(getComputedStyle(one).fontSize))),
      over: Math.max(...shown.map(view => box(view).bottom)) - box(card).top,
      below: box(document.querySelector('.transport')!).bottom - window.innerHeight,
      scrolls: card.scrollHeight - card.clientHeight,
      cut: cut.length,
    };
  });
  expect(found.letters, stop).toBeGreaterThanOrEqual(16);
  expect(found.over, stop).toBeLessThanOrEqual(0);
  expect(found.below, stop).toBeLessThanOrEqual(0);
  expect(found.scrolls, stop).toBeLessThanOrEqual(0);
  expect(found.cut, stop).toBe(0);
}

const says = (page: Page) => page.locator('.tour-card .says').innerText();
const hasFocus = (page: Page, selector: string) =>
  page.evaluate(wanted => document.activeElement?.matches(wanted), selector);

test.for(tours.map(({ name }, i) => [name, i] as const))(
  'the tour %s is walked to its end by keyboard, says what the recordings say, and fits on a projector',
  { timeout: 60_000 },
  async ([name, index]) => {
    const page = await site.open();
    await ready(page);
    await page.keyboard.press('g');
    await page.locator('dialog.tours[open]').waitFor();
    for (let i = 0; i < index; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const { stops } = tours[index]!;
    for (const [i, { title, view }] of stops.entries()) {
      await page.locator('.tour-card h2', { hasText: title }).waitFor();
      await ready(page);
      const { text } = await seen(name, i);
      await expect.poll(() => says(page), { ...patient, message: title }).toBe(text);
      expect(await page.locator('.sr[role=status]').innerText()).toContain(`${title}. ${text}`);
      expect(await hasFocus(page, '.tour-card, .tour-card *'), title).toBe(true);
      await expectOnProjector(page, `${name} ${i + 1}`);
      expect(await page.locator(`.pane[data-side=a] .view.main[data-view=${view}]`).isVisible()).toBe(true);
      await page.keyboard.press(i % 2 === 0 ? 'n' : 'Enter');
    }
    await page.locator('.tour-card').waitFor({ state: 'hidden' });
    const scenario = stops.at(-1)!.scenario;
    const address = await addressOf(page);
    expect([address.get('tour'), address.get('scenario')]).toEqual([null, scenario]);
  },
);

test('the address restores a stop, and where the cursor was moved to', async () => {
  const page = await site.open('tour=static&stop=4');
  await ready(page);
  expect(await says(page)).toBe((await seen('static', 3)).text);
  expect(await page.locator('.tour-card .aside').isVisible()).toBe(false);
  await page.keyboard.press('Home');
  await expect.poll(() => says(page), patient).toContain('the batch holds no ended row');
  expect(await page.locator('.tour-card .aside').innerText()).toContain('You moved the cursor');
  const address = await addressOf(page);
  expect([address.get('tour'), address.get('stop'), address.get('t')]).toEqual(['static', '4', '0']);
  const again = await site.open(address.toString());
  await ready(again);
  expect(await says(again)).toContain('the batch holds no ended row');
  await again.getByRole('button', { name: 'As the stop has it' }).click();
  await expect.poll(() => says(again), patient).toContain('2 of 3 rows are held');
});

test('a slider that is moved moves the figures; another policy pauses the tour', async () => {
  const page = await site.open('tour=preallocation&stop=1');
  await ready(page);
  expect(await says(page)).toContain('sets aside 1,024 slots');
  await page.locator('input[name=max_model_len]').fill('2048');
  await expect.poll(() => says(page), patient).toContain('sets aside 2,048 slots');
  await page.locator('.pane[data-side=a] .policy select').selectOption('vllm');
  await page.locator('.tour-card .aside', { hasText: 'Paused' }).waitFor();
  expect(await says(page)).toBe('This stop is about orca-max.');
});

test('arrows take steps, p goes back, escape ends: the focus is where the tour was begun', async () => {
  const page = await site.open('tour=idle-gpu&stop=2');
  await ready(page);
  const time = await page.locator('.time').innerText();
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => page.locator('.time').innerText(), patient).not.toBe(time);
  expect(await page.locator('.tour-card .count').innerText()).toBe('2 of 5');
  await page.keyboard.press('p');
  await expect.poll(() => page.locator('.tour-card .count').innerText(), patient).toBe('1 of 5');
  await page.keyboard.press('p');
  expect(await page.locator('.tour-card .count').innerText()).toBe('1 of 5');
  await page.keyboard.press('Escape');
  await page.locator('.tour-card').waitFor({ state: 'hidden' });
  expect(await hasFocus(page, '.tools button')).toBe(true);
  expect(await page.locator('.view:visible').count()).toBeGreaterThan(4);
});
