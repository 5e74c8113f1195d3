import { quoted, UsageError } from '../core/errors.ts';

/** Scheme, host and port, for pages of any scheme: `chrome-extension://…`, `tauri://localhost`. */
const shape = /^[a-z][a-z\d+.-]*:\/\/[^\s/?#@*]+$/;

/**
 * An origin as browsers send it; `*` for all, `null` for pages of no origin (sandboxed, or files).
 * @throws UsageError for what no browser would send: it would allow nobody.
 */
export function parseAllowedOrigin(text: string): string {
  if (text === '*' || text === 'null') return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const ofWeb = url !== undefined && /^https?:$/.test(url.protocol) && !text.includes('*');
  if (ofWeb ? url.origin === text : url !== undefined && shape.test(text)) return text;
  throw new UsageError(
    `--allowed-origins: expected an origin, such as https://example.com or http://localhost:3000, or * for all, ` +
      `found ${quoted(text)}${ofWeb ? `; did you mean ${url.origin}?` : ''}`,
  );
}
