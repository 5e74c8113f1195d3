import { escapeHtml } from './page.ts';
import {
  fitSentence,
  type LiveComparison,
  liveTable,
  liveTitle,
  paceSentence,
} from './validate-live-text.ts';

/** Above the page, which takes what is left of the window. */
const style = `
body { display: flex; flex-direction: column; height: 100vh }
#page { flex: 1; height: auto; min-height: 0 }
.quire-results { font: 13px/1.45 system-ui, sans-serif; padding: 5px 10px; border-bottom: 1px solid #8886 }
.quire-results[open] { max-height: 60vh; overflow: auto; flex: none }
.quire-results summary { cursor: pointer; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.quire-results table { border-collapse: collapse; margin: 10px 0 }
.quire-results :is(th, td) { padding: 2px 0 2px 18px; text-align: right; font-variant-numeric: tabular-nums }
.quire-results :is(th, td):first-child { padding-left: 0; text-align: left }
.quire-results p { max-width: 90ch; margin: 6px 0 }`;

/** The figures as a section that unfolds above both timelines. */
export function liveComparisonHtml(one: LiveComparison): string {
  const { head, rows } = liveTable(one);
  const row = (tag: string, texts: readonly string[]) =>
    `<tr>${texts.map(text => `<${tag}>${escapeHtml(text)}</${tag}>`).join('')}</tr>`;
  const body = rows.map(texts => row('td', texts)).join('\n');
  const said = [fitSentence(one.fit), paceSentence(one), ...one.notes]
    .map(text => `<p>${escapeHtml(text)}</p>`)
    .join('\n');
  return (
    `<style>${style}</style>\n<details class="quire-results"><summary><b>${escapeHtml(liveTitle(one))}</b> · the figures` +
    `</summary>\n<table><thead>${row('th', head)}</thead><tbody>${body}</tbody></table>\n${said}</details>\n`
  );
}
