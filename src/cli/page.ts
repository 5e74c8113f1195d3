import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UsageError } from '../core/errors.ts';

/** Where the build puts the page: one file, with all that it needs. */
export const pagePath = join(
  dirname(createRequire(import.meta.url).resolve('quire/package.json')),
  'dist/page/index.html',
);

/** What a page shows instead of simulations of its own. */
export interface PageContent {
  readonly title: string;
  /** Recordings, as `encodeRecordings` gives them. */
  readonly recordings?: Uint8Array;
  /** HTML that is read above the views, and alone where scripts do not run. */
  readonly text?: string;
}

/** @throws UsageError when the page was not built. */
export async function readPage(path = pagePath): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new UsageError(`${path}: the page cannot be read (${message})`);
    throw new UsageError(`${path}: the page was not built; build it with: npm run build`);
  }
}

/** The page with what it is to show inside it. */
export function pageWith(page: string, { title, recordings, text }: PageContent): string {
  const named = page.replace(/<title>[^<]*<\/title>/, () => `<title>${escapeHtml(title)}</title>`);
  const [head, body] = cut(named, named.indexOf('>', named.lastIndexOf('<body')) + 1);
  const [main, end] = cut(body, body.lastIndexOf('</body>'));
  const data =
    recordings &&
    `<script type="application/octet-stream" id="quire-recordings">${Buffer.from(recordings).toString('base64')}</script>\n`;
  return head + (text ?? '') + main + (data ?? '') + end;
}

const cut = (text: string, at: number) => [text.slice(0, at), text.slice(at)] as const;

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, character => entities[character]!);
}
