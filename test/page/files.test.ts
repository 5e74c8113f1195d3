import { expect, test } from 'vitest';
import { findModel } from '../../src/sim/models/catalogue.ts';
import { record } from '../../src/trace/record.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { encodeRecordings } from '../../src/trace/recording-file.ts';
import { scenarios } from '../../viz/page/scenarios.ts';
import { addressOf, pageUnderTest, patient, ready, stepOf } from './browser.ts';

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

test('a results file brings its settings', async () => {
  const path = site.write(
    'results.json',
    JSON.stringify({ config: { ...config, policy: ['orca-pow2', 'sglang'], seed: 3 }, results: [] }),
  );
  const page = await site.open();
  await ready(page);
  await page.locator('input[type=file]').setInputFiles(path);
  await page.waitForFunction(() =>
    document.querySelector('.sentence')!.textContent!.startsWith('sglang served'),
  );
  expect(await page.locator('input[name=num_prompts]').inputValue()).toBe('12');
  expect(await page.locator('input[name=seed]').inputValue()).toBe('3');
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
    [
      'trace.json',
      JSON.stringify({ config: { trace: 'azure.csv' }, results: [] }),
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
