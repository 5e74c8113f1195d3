import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, expect } from 'vitest';
import { sharedBrowser } from '../support/browser.ts';
import { builtPage } from '../support/built-page.ts';
import { resting, watchRest } from './rest.ts';

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  /** Another document than the page as it is built. */
  readonly file?: string;
}

/** How long a busy machine may take. */
export const patient = { timeout: 20_000 };

/** The page as it is built from the sources, opened from a disk. */
export class PageUnderTest {
  /** The page. */
  readonly file = builtPage();
  readonly #folder = mkdtempSync(join(tmpdir(), 'quire-page-'));
  readonly #pages: Page[] = [];
  readonly #errors: string[] = [];
  readonly #browser: () => BrowserContext;

  constructor(browser: () => BrowserContext) {
    this.#browser = browser;
  }

  stop(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** A file for the page to open. */
  write(name: string, content: string | Uint8Array): string {
    const path = join(this.#folder, name);
    writeFileSync(path, content);
    return path;
  }

  html(): string {
    return readFileSync(this.file, 'utf8');
  }

  async open(hash = '', options: OpenOptions = {}): Promise<Page> {
    const { width = 1280, height = 720, colorScheme = 'light', file = this.file } = options;
    const page = await this.#browser().newPage();
    this.#pages.push(page);
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    page.on('console', message => {
      if (message.type() === 'error' || message.type() === 'warning') this.#errors.push(message.text());
    });
    page.on('pageerror', error => this.#errors.push(error.stack ?? error.message));
    page.on('request', request => {
      if (/^(https?|ws):/.test(request.url())) this.#errors.push(`the network: ${request.url()}`);
    });
    await watchRest(page);
    await page.goto(`${pathToFileURL(file)}#${hash}`);
    return page;
  }

  /** Whatever a test did, the page had nothing to complain about, and asked nobody for anything. */
  async settle(): Promise<void> {
    for (const page of this.#pages.splice(0)) await page.close();
    expect(this.#errors.splice(0)).toEqual([]);
  }
}

export function pageUnderTest(): PageUnderTest {
  const page = new PageUnderTest(sharedBrowser());
  afterAll(() => page.stop());
  afterEach(() => page.settle());
  return page;
}

/** Both panes show a run, or say why not. */
export async function ready(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const panes = [...document.querySelectorAll('.pane:not([hidden])')];
    const settled = (pane: Element) =>
      !pane.hasAttribute('aria-busy') &&
      pane.querySelector('.figures > div, .problem:not([hidden])') !== null;
    return panes.length > 0 && panes.every(settled);
  });
  await written(page);
}

/** `step 12 of 99` of a pane. */
export async function stepOf(page: Page, side: 'a' | 'b'): Promise<number> {
  const text = await page.locator(`.pane[data-side=${side}] .now-line`).innerText();
  const match = /^step (\d+) of/.exec(text);
  expect(match, text).not.toBeNull();
  return Number(match![1]);
}

/** The state that the address holds: it follows 0.3 s after all else. */
export async function addressOf(page: Page): Promise<URLSearchParams> {
  await resting(page, 300);
  return new URLSearchParams(new URL(page.url()).hash.slice(1));
}

/** How many colours a canvas shows. */
export function coloursOf(page: Page, selector: string): Promise<number> {
  return page
    .locator(selector)
    .first()
    .evaluate(element => {
      const canvas = element as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    });
}

/** Once what was last done to the page is written, too: words follow the picture a tenth of a second later at most. */
export function written(page: Page): Promise<void> {
  return resting(page, 100);
}
