import { expect, test } from 'vitest';
import { policies } from '../../src/core/policies/registry.ts';
import { scenarios } from '../../viz/page/scenarios.ts';
import { views } from '../../viz/views/index.ts';
import { addressOf, coloursOf, pageUnderTest, patient, ready, stepOf, written } from './browser.ts';

const site = pageUnderTest();

test('from a file, without a server: two panes of all views each, and a sentence that compares them', async () => {
  const page = await site.open();
  await ready(page);
  for (const side of ['a', 'b']) {
    for (const view of ['memory-map', 'timeline', 'memory-over-time']) {
      const canvas = `.pane[data-side=${side}] [data-view=${view}] canvas`;
      expect(await coloursOf(page, canvas), canvas).toBeGreaterThan(5);
      expect((await page.locator(canvas).getAttribute('aria-label'))!.length).toBeGreaterThan(20);
    }
    expect(await page.locator(`.pane[data-side=${side}] .view`).count()).toBe(views.length);
    expect(await page.locator(`.pane[data-side=${side}] .decisions li`).count()).toBeGreaterThan(3);
    expect(await page.locator(`.pane[data-side=${side}] .latencies`).innerText()).toMatch(
      /TTFT [\d.]+\/[\d.]+/,
    );
  }
  expect(await page.locator('.sentence').innerText()).toMatch(
    /^vllm served [\d.]+ times the rate of deepspeed-static\..* held no token/,
  );
});

test('every scenario runs, in both of its policies', async () => {
  const page = await site.open();
  for (const { name, config } of scenarios) {
    await page.locator('.scenario select').selectOption(name);
    await ready(page);
    expect(await page.locator('.problem:visible').allInnerTexts(), name).toEqual([]);
    expect(await page.locator('.sentence').innerText()).toContain(`${config.policy![1]} served`);
  }
});

test('the latecomers wait for the static batch, and not for the continuous one', async () => {
  const page = await site.open('scenario=latecomers&pin=a.request.3');
  await ready(page);
  const waited = () =>
    page
      .locator('.inspector section')
      .evaluateAll(sections =>
        sections.map(section =>
          [...section.querySelectorAll('dt')]
            .find(dt => dt.textContent === 'waited')
            ?.nextElementSibling?.textContent?.replace(/[\d.]+/, 'N'),
        ),
      );
  await expect.poll(waited, patient).toEqual(['N s', 'N ms']);
});

test('an arrow is one scheduler step of the active pane, with Shift ten; Home and End go to the ends', async () => {
  const page = await site.open('scenario=latecomers&t=1');
  await ready(page);
  const goes = async (key: string, side: 'a' | 'b', step: number) => {
    await page.keyboard.press(key);
    await expect.poll(() => stepOf(page, side), { ...patient, message: key }).toBe(step);
  };
  const start = await stepOf(page, 'b');
  await goes('ArrowRight', 'b', start + 1);
  expect(await page.locator('[role=status]').innerText()).toContain(`vllm, step ${start + 1} of`);
  await goes('ArrowRight', 'b', start + 2);
  await goes('ArrowLeft', 'b', start + 1);
  await goes('Shift+ArrowRight', 'b', start + 11);
  await goes('Home', 'b', 0);
  await goes('ArrowRight', 'b', 1);
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await goes('ArrowRight', 'b', 1);
  const last = Number(/of (\d+)/.exec(await page.locator('.pane[data-side=b] .now-line').innerText())![1]);
  await goes('End', 'b', last);
  await goes('Shift+ArrowLeft', 'b', last - 10);
  await page.keyboard.press('a');
  await goes('Home', 'a', 0);
  await goes('ArrowRight', 'a', 1);
});

test('space plays, and stops where it is', async () => {
  const page = await site.open('scenario=latecomers&t=0.2');
  await ready(page);
  const before = await stepOf(page, 'a');
  await page.keyboard.press(' ');
  await expect.poll(() => stepOf(page, 'a'), patient).toBeGreaterThan(before + 5);
  await page.keyboard.press(' ');
  await written(page);
  const after = await stepOf(page, 'a');
  expect(Number((await addressOf(page)).get('t'))).toBeGreaterThan(0.2);
  expect(await stepOf(page, 'a')).toBe(after);
});

test('a slider, a number and a policy run again at once; both panes have the same workload', async () => {
  const page = await site.open();
  await ready(page);
  const sentence = () => page.locator('.sentence').innerText();
  const before = await sentence();
  const slider = page.locator('input[type=range][data-key=kv_slots]');
  await slider.focus();
  await slider.press('ArrowRight');
  await slider.press('ArrowRight');
  await page.waitForFunction(old => document.querySelector('.sentence')!.textContent !== old, before);
  await ready(page);
  expect(await page.locator('input[name=kv_slots]').inputValue()).toBe('8192');
  expect((await addressOf(page)).get('kv_slots')).toBe('8192');

  await page.locator('input[name=num_prompts]').fill('7');
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.latencies')].every(line => line.textContent!.includes(' 7 finished')),
  );
  await page.locator('.pane[data-side=b] .policy select').selectOption('sarathi');
  await page.waitForFunction(() =>
    document.querySelector('.sentence')!.textContent!.startsWith('sarathi served'),
  );
  expect((await addressOf(page)).get('b')).toBe('sarathi');
});

test('every policy can be chosen, and one pane is enough', async () => {
  const page = await site.open('b=none');
  await ready(page);
  const select = page.locator('.pane[data-side=a] .policy select');
  expect(await select.locator('option').allInnerTexts()).toEqual(policies.map(({ name }) => name));
  expect(await page.locator('.pane[data-side=b]').isVisible()).toBe(false);
  expect(await page.locator('.sentence').innerText()).toBe('');
  for (const { name } of policies) {
    await select.selectOption(name);
    await ready(page);
    expect(await page.locator('.problem:visible').allInnerTexts(), name).toEqual([]);
  }
});

test('settings that cannot be are explained where they are, and the page goes on', async () => {
  const page = await site.open();
  await ready(page);
  await page.locator('input[name=kv_slots]').fill('100');
  await page.locator('.pane[data-side=b] .problem').waitFor();
  const problem = await page.locator('.pane[data-side=b] .problem').innerText();
  expect(problem).toMatch(/^Context 512 does not fit: the KV memory \(KV slots\) holds \d+ tokens/);
  await page.locator('input[name=kv_slots]').fill('many');
  expect(await page.locator('.controls .problem').innerText()).toMatch(/kv_slots: expected a whole number/);
  expect(await page.locator('input[name=kv_slots]').getAttribute('aria-invalid')).toBe('true');
  await page.locator('input[name=kv_slots]').fill('4096');
  await page.locator('.pane[data-side=b] .problem').waitFor({ state: 'hidden' });
  await ready(page);
  expect(await page.locator('.sentence').innerText()).toContain('vllm served');
});

test('a newer setting drops the simulation of the older one', async () => {
  const page = await site.open('scenario=burst&num_prompts=20000&a=vllm-v0');
  await expect.poll(() => page.locator('.pane[aria-busy] progress').count(), patient).toBe(2);
  await page.locator('input[name=num_prompts]').fill('20');
  await ready(page);
  expect(await page.locator('.latencies').first().innerText()).toMatch(
    / 20 finished|1\d finished, \d rejected/,
  );
});

test('an inspector that opens on a laptop moves no block: a second click finds the one beside it', async () => {
  const page = await site.open('scenario=pressure');
  await ready(page);
  const boxes = () =>
    page.locator('.view canvas').evaluateAll(all =>
      all.map(one => {
        const { x, y, width, height } = one.getBoundingClientRect();
        return [x, y, width, height];
      }),
    );
  const before = await boxes();
  await page.locator('.pane[data-side=b] [data-view=memory-map] canvas').click();
  await page.locator('.inspector').waitFor();
  await written(page);
  expect(await boxes()).toEqual(before);
});
