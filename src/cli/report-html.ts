import type { ExperimentResult } from '../sim/experiment.ts';
import { escapeHtml } from './page.ts';
import { sentences, type Table, tables, title } from './report-text.ts';

/** Above the page, which takes what is left of the window. Colours are the page's, or the browser's. */
const style = `
body { display: flex; flex-direction: column; height: 100vh }
#page { flex: 1; height: auto; min-height: 0 }
.quire-results { font: 13px/1.45 system-ui, sans-serif; padding: 5px 10px; border-bottom: 1px solid #8886 }
.quire-results[open] { max-height: 60vh; overflow: auto; flex: none }
.quire-results summary { cursor: pointer; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
.quire-results table { border-collapse: collapse; margin: 10px 0 }
.quire-results :is(th, td) { padding: 2px 0 2px 18px; text-align: right; font-variant-numeric: tabular-nums }
.quire-results :is(th, td):first-child { padding-left: 0 }
.quire-results :is(th, td):first-child, .quire-results .words { text-align: left }
.quire-results th { font-weight: 600; border-bottom: 1px solid #8886 }
.quire-results p { max-width: 90ch; margin: 6px 0 }`;

/** The results as a section that unfolds; where no script runs it is all there is, and open. */
export function resultsHtml(experiment: ExperimentResult, remarks: readonly string[]): string {
  const paragraphs = [...sentences(experiment), ...experiment.notes, ...remarks];
  const inner = [
    ...tables(experiment).map(tableHtml),
    ...paragraphs.map(text => `<p>${escapeHtml(text)}</p>`),
  ].join('\n');
  const name = escapeHtml(title(experiment));
  const { replications, seed } = experiment.config;
  const shown = replications! > 1 ? `; the views below show seed ${seed}` : '';
  return (
    unfolding(title(experiment), shown, inner) +
    `<noscript><style>details.quire-results { display: none }</style>` +
    `<div class="quire-results"><p><b>${name}</b></p>\n${inner}</div></noscript>\n`
  );
}

/** A line above the page, and what stands in it when it is opened. */
export function unfolding(name: string, more: string, inner: string): string {
  return (
    `<style>${style}</style>\n<details class="quire-results"><summary><b>${escapeHtml(name)}</b> · the figures${more}` +
    `</summary>\n${inner}</details>\n`
  );
}

export function tableHtml({ head, rows }: Table): string {
  const words = head.map((_, column) => rows.some(row => !/^[-–—\d<>]/.test(row[column] ?? '')));
  const cell = (tag: string) => (text: string, column: number) =>
    `<${tag}${words[column] ? ' class="words"' : ''}>${escapeHtml(text)}</${tag}>`;
  const row = (tag: string, texts: readonly string[]) => `<tr>${texts.map(cell(tag)).join('')}</tr>`;
  return `<table><thead>${row('th', head)}</thead><tbody>${rows.map(texts => row('td', texts)).join('\n')}</tbody></table>`;
}
