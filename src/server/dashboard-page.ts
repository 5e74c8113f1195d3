import { randomBytes } from 'node:crypto';

/** What the page may do: what is inside it, and to ask this server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' blob:",
  'worker-src blob:',
  "style-src 'unsafe-inline'",
  'img-src data: blob:',
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': POLICY,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The page of simulations, told to follow the server that it came from. @param page as it was built. */
export function livePage(page: string): Response {
  const at = page.lastIndexOf('</body>');
  const mark = '<script type="application/json" id="quire-live">{}</script>\n';
  const named = page.slice(0, at).replace(/<title>[^<]*<\/title>/, '<title>Quire: live</title>');
  return new Response(named + mark + page.slice(at), { headers });
}

/** Asks for a key. @param wrong whether one was given that opens nothing. */
export function keyPage(wrong: boolean): Response {
  const said = wrong ? 'That is no key of this server.' : 'This server has keys: show one to look at it.';
  const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Quire: live</title>
    <link rel="icon" href="data:," />
    <style>body { font: 16px system-ui, sans-serif; display: grid; place-items: center; height: 90vh; margin: 0 }
input, button { font: inherit; padding: 4px 8px }</style>
  </head>
  <body>
    <form method="post" action="/dashboard">
      <p>${said}</p>
      <label>Key <input type="password" name="key" required autofocus autocomplete="off" /></label>
      <button>Look</button>
    </form>
  </body>
</html>
`;
  return new Response(html, { status: 401, headers });
}

/** Names one start of a server: numbers begin anew with each. */
export function runName(): string {
  return randomBytes(6).toString('hex');
}
