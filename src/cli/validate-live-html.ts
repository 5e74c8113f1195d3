import { escapeHtml } from './page.ts';
import { tableHtml, unfolding } from './report-html.ts';
import {
  fitSentence,
  type LiveComparison,
  liveTable,
  liveTitle,
  paceSentence,
  unsteady,
} from './validate-live-text.ts';

/** The figures as a section that unfolds above both timelines. */
export function liveComparisonHtml(one: LiveComparison): string {
  const noise = unsteady(one);
  const first = noise === undefined ? [] : [noise];
  const said = [...first, fitSentence(one.fit), paceSentence(one), ...one.notes]
    .map(text => `<p>${escapeHtml(text)}</p>`)
    .join('\n');
  const more = noise === undefined ? '' : ', of a device that did not keep its pace';
  return unfolding(liveTitle(one), more, `${tableHtml(liveTable(one))}\n${said}`);
}
