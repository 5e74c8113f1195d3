import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { servePage } from '../../src/cli/serve-page.ts';
import { viz } from '../../src/cli/viz.ts';
import { UsageError } from '../../src/core/errors.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { sharedBrowser } from '../support/browser.ts';
import { builtPage } from '../support/built-page.ts';
import { contents, folder, succeed } from '../support/cli.ts';

const tiny = ['compare', '--policy', 'hf-static,vllm', '--num-prompts', '8', '--replications', '1'];

/** Writes the page with what the file holds, from a page that is easy to look into. */
async function written(cwd: string, file: string | undefined): Promise<string> {
  const page = join(cwd, 'page.html');
  writeFileSync(page, '<html><head><title>Page</title></head><body><p>page</p></body></html>');
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  await viz(file === undefined ? undefined : join(cwd, file), { out: join(cwd, 'out.html') }, page);
  write.mockRestore();
  return readFileSync(join(cwd, 'out.html'), 'utf8');
}

const policiesIn = async (html: string) => {
  const data = /id="quire-recordings">([^<]*)</.exec(html)?.[1];
  if (data === undefined) return undefined;
  return (await decodeRecordings(Buffer.from(data, 'base64'), 'page')).map(({ policy }) => policy);
};

describe('quire viz --out', () => {
  test('without a file: the page as it was built', async () => {
    const cwd = folder();
    expect(await written(cwd, undefined)).toBe(readFileSync(join(cwd, 'page.html'), 'utf8'));
  });

  test('with results: their runs', async () => {
    const cwd = folder();
    await succeed([...tiny, '--out', 'r.json'], { cwd });
    const html = await written(cwd, 'r.json');
    expect(await policiesIn(html)).toEqual(['hf-static', 'vllm']);
    expect(html).toContain('<td class="words">vllm</td>');
  });

  test('with a recording: its runs', async () => {
    const cwd = folder();
    await succeed([...tiny, '--events', 'r.quire', '--out', 'r.json'], { cwd });
    expect(await policiesIn(await written(cwd, 'r.quire'))).toEqual(['hf-static', 'vllm']);
  });

  test.each([
    ['r.quire', 'no recording', /r\.quire: does not begin with/],
    ['r.quire', '', /r\.quire: is empty/],
    ['r.json', '{}', /r\.json: no results file/],
  ])('%s with %j in it is refused', async (name, text, message) => {
    const cwd = folder();
    writeFileSync(join(cwd, name), text);
    const failure = await written(cwd, name).catch(error => error);
    expect(failure).toBeInstanceOf(UsageError);
    expect(failure.message).toMatch(message);
    expect(Object.keys(contents(cwd))).toEqual(['page.html', name]);
  });
});

describe('the server of quire viz', () => {
  const ask = (url: string, options: { method?: string; host?: string } = {}) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const headers = options.host === undefined ? {} : { host: options.host };
      request(url, { method: options.method ?? 'GET', headers, agent: false }, response => {
        let body = '';
        response.on('data', piece => {
          body += piece;
        });
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      })
        .on('error', reject)
        .end();
    });

  test('gives the page, and nothing else, until it is closed', async () => {
    const server = await servePage('<p>ä</p>');
    onTestFinished(() => server.close());
    const { url } = server;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    expect(await ask(url)).toEqual({ status: 200, body: '<p>ä</p>' });
    expect(await ask(`${url}?x=1`)).toEqual({ status: 200, body: '<p>ä</p>' });
    expect(await ask(url, { method: 'HEAD' })).toEqual({ status: 200, body: '' });
    expect((await ask(`${url}package.json`)).status).toBe(404);
    expect((await ask(`${url}../../etc/passwd`)).status).toBe(404);
    expect((await ask(url, { method: 'POST' })).status).toBe(405);
    expect((await ask(url, { host: 'example.org' })).status).toBe(403);
    server.close();
    await server.closed;
    await expect(ask(url)).rejects.toThrow(/ECONNREFUSED/);
  });

  const browser = sharedBrowser();

  test('serves a page that runs', async () => {
    const server = await servePage(readFileSync(builtPage(), 'utf8'));
    onTestFinished(() => server.close());
    const page = await browser().newPage();
    const complaints: string[] = [];
    page.on('pageerror', error => complaints.push(error.message));
    await page.goto(server.url);
    await page.locator('canvas').first().waitFor();
    expect(complaints).toEqual([]);
  });
});
