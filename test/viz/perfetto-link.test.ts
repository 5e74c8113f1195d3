import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { transformWithOxc } from 'vite';
import { expect, onTestFinished, test } from 'vitest';
import type { openInPerfetto } from '../../viz/perfetto-link.ts';
import { sharedBrowser } from '../support/browser.ts';

declare global {
  interface Window {
    openInPerfetto: typeof openInPerfetto;
    trace: unknown;
  }
}

const browser = sharedBrowser();

const source = 'viz/perfetto-link.ts';

/** Stands for Perfetto: listens late, answers the handshake, and keeps what it is given. */
const perfetto = `<script>
  setTimeout(() => addEventListener('message', ({ data, source }) => {
    if (data === 'PING') source.postMessage('PONG', '*');
    else if (data.perfetto) window.trace = { ...data.perfetto, text: new TextDecoder().decode(data.perfetto.buffer) };
  }), 300);
</script>`;

/** A page that can open traces, in a browser where `site` is Perfetto. */
async function opener(site: string): Promise<Page> {
  const context = await browser().browser()!.newContext();
  onTestFinished(() => context.close());
  await context.route('https://ui.perfetto.dev/**', route =>
    route.fulfill({ contentType: 'text/html', body: site }),
  );
  await context.route('http://quire.test/', route =>
    route.fulfill({ contentType: 'text/html', body: '<p>' }),
  );
  const page = await context.newPage();
  await page.goto('http://quire.test/');
  const { code } = await transformWithOxc(readFileSync(source, 'utf8'), source);
  await page.addScriptTag({ type: 'module', content: `${code}; window.openInPerfetto = openInPerfetto;` });
  return page;
}

test('a trace reaches Perfetto, though it listens late', async () => {
  const page = await opener(perfetto);
  const tab = page.waitForEvent('popup');
  const trace = `{"traceEvents":[${'{"ph":"X"},'.repeat(1000)}{}]}`;
  const half = trace.length / 2;
  const opened = page.evaluate(
    pieces => window.openInPerfetto(pieces, 'hf-static, vllm'),
    [trace.slice(0, half), trace.slice(half)],
  );
  const received = (await (await tab).waitForFunction(() => window.trace)).jsonValue();
  await opened;
  expect(await received).toMatchObject({
    text: trace,
    title: 'hf-static, vllm',
    fileName: 'hf-static-vllm.json',
  });
});

test('a tab that is closed before it answers is said in words', async () => {
  const page = await opener('<p>nothing here listens');
  const tab = page.waitForEvent('popup');
  const failed = page.evaluate(() => window.openInPerfetto('{}').catch((error: Error) => error.message));
  await (await tab).close();
  expect(await failed).toMatch(/closed before it was ready/);
});

test('so is a browser that holds the tab back', async () => {
  const page = await opener(perfetto);
  await page.evaluate(() => {
    window.open = () => null;
  });
  const failed = page.evaluate(() => window.openInPerfetto('{}').catch((error: Error) => error.message));
  expect(await failed).toMatch(/allow pop-ups/);
});
