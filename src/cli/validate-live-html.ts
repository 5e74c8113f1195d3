import { escapeHtml } from './page.ts';
import { tableHtml, unfolding } from './report-html.ts';
import {
  fitSentence,
  type LiveComparison,
  liveTable,
  liveTitle,
  paceSentence,
} from './validate-live-text.ts';

/** The figures as a section that unfolds above both timelines. */
export function liveComparisonHtml(one: LiveComparison): string {
  const said = [fitSentence(one.fit), paceSentence(one), ...one.notes]
    .map(text => `<p>${escapeHtml(text)}</p>`)
    .join('\n');
  return unfolding(liveTitle(one), '', `${tableHtml(liveTable(one))}\n${said}`);
}
