const SITE = 'https://ui.perfetto.dev';
/** Milliseconds between two tries, and until it is given up. */
const TRY = 50;
const PATIENCE = 60_000;

/**
 * Shows a trace in Perfetto, in a tab of its own: the trace goes there directly and is not uploaded. To be called
 * from a click, else the browser holds the tab back.
 *
 * @returns once Perfetto has it. @throws Error that says in words why it could not.
 */
export async function openInPerfetto(
  trace: string | Iterable<string>,
  title = 'Quire',
  page: Window = window,
): Promise<void> {
  const tab = page.open(SITE);
  if (!tab) throw new Error('The browser held the new tab back; allow pop-ups for this page and try again.');
  await ready(tab, page);
  const pieces = typeof trace === 'string' ? [trace] : [...trace];
  const buffer = await new Blob(pieces).arrayBuffer();
  const fileName = `${title.replaceAll(/[^\w.-]+/g, '-')}.json`;
  tab.postMessage({ perfetto: { buffer, title, fileName } }, SITE, [buffer]);
}

/** A message to a page that does not listen yet is lost: it is asked until it answers. */
function ready(tab: Window, page: Window): Promise<void> {
  return new Promise((resolve, reject) => {
    let waited = 0;
    const end = (failure?: string) => {
      page.clearInterval(timer);
      page.removeEventListener('message', listen);
      if (failure === undefined) resolve();
      else reject(new Error(failure));
    };
    const listen = ({ source, origin, data }: MessageEvent) => {
      if (source === tab && origin === SITE && data === 'PONG') end();
    };
    const timer = page.setInterval(() => {
      if (tab.closed) return end('The tab of Perfetto was closed before it was ready.');
      if ((waited += TRY) > PATIENCE) {
        return end('Perfetto did not answer: is the network there? A saved trace can be opened in it later.');
      }
      tab.postMessage('PING', SITE);
    }, TRY);
    page.addEventListener('message', listen);
  });
}
