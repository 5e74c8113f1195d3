import { UsageError } from '../../src/core/errors.ts';
import { type Config, parseConfig } from '../../src/sim/config.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { decode } from './runner.ts';

/** What a file of the user's holds: runs to look at, or the settings of runs to make. */
export type Opened =
  | { readonly kind: 'recordings'; readonly name: string; readonly recordings: readonly Recording[] }
  | { readonly kind: 'results'; readonly name: string; readonly config: Config };

/** @throws UsageError that says what is wrong with the file, and what was expected. */
export async function openFile(file: File): Promise<Opened> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  // `{`, maybe after a byte order mark: no recording begins so.
  const first = bytes[0] === 0xef ? bytes[3] : bytes[0];
  if (first === 0x7b) return { kind: 'results', name: file.name, config: resultsConfig(bytes, file.name) };
  const recordings = await decode(bytes, file.name);
  return { kind: 'recordings', name: file.name, recordings };
}

/** A file that is dropped anywhere on the page. */
export function acceptDrops(root: HTMLElement, open: (file: File) => void): void {
  window.addEventListener('dragover', event => {
    event.preventDefault();
    root.classList.add('dropping');
  });
  window.addEventListener('dragleave', event => {
    if (event.relatedTarget === null) root.classList.remove('dropping');
  });
  window.addEventListener('drop', event => {
    event.preventDefault();
    root.classList.remove('dropping');
    const file = event.dataTransfer?.files[0];
    if (file) open(file);
  });
}

/** The recordings that a report carries in itself; undefined when there are none. */
export async function embeddedRecordings(): Promise<readonly Recording[] | undefined> {
  const element = document.getElementById('quire-recordings');
  const text = element?.textContent?.trim();
  if (!text) return undefined;
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new UsageError(
      'this report is damaged: its recordings are not base64; write it again with quire report',
    );
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return decode(bytes, 'this report');
}

function resultsConfig(bytes: Uint8Array, name: string): Config {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new UsageError(
      `${name}: not JSON to its end; expected a results file of quire compare, or a recording (.quire)`,
    );
  }
  const { config, results } = value as { config?: unknown; results?: unknown };
  if (!Array.isArray(results) && config === undefined) {
    throw new UsageError(
      `${name}: no results in it; expected {"config": …, "results": […]} as quire compare --out writes it, or a recording (.quire)`,
    );
  }
  if (config === undefined) {
    throw new UsageError(
      `${name}: results without a config, so the page cannot run them again; open a recording (.quire)`,
    );
  }
  const parsed = parseConfig(config, name);
  const file = (['trace', 'kernels', 'profile'] as const).find(key => parsed[key] !== undefined);
  const foreign = parsed.model !== undefined && !findModel(parsed.model) ? 'model' : undefined;
  const needs = file ?? foreign;
  if (needs) {
    throw new UsageError(
      `${name}: these results need a file that the page cannot open (${needs} ${parsed[needs]}); ` +
        'make a report of them with quire report, or record them with --events run.quire',
    );
  }
  return parsed;
}
