import { UsageError } from '../../src/core/errors.ts';
import type { Config } from '../../src/sim/config.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { memoryFor } from '../../src/trace/recording-memory.ts';
import { bytesOf } from './blob-bytes.ts';
import { kindOf } from './file-kind.ts';
import { resultsConfig } from './results-config.ts';
import { decode, type Following } from './runner.ts';

/** Requests that a file of the user's holds, which both panes serve. */
export interface UserTrace {
  readonly name: string;
  /** As the file says: azure, mooncake and so on. */
  readonly format: string;
  readonly file: Blob;
}

/** What a file of the user's holds: runs to look at, the settings of runs to make, or requests for them. */
export type Opened =
  | { readonly kind: 'recordings'; readonly name: string; readonly recordings: readonly Recording[] }
  | { readonly kind: 'results'; readonly name: string; readonly config: Config }
  | { readonly kind: 'trace'; readonly name: string; readonly trace: UserTrace };

/** Enough of a file to tell what it is. */
const BEGINNING = 16_384;

/** @throws UsageError that says what is wrong with the file, and what was expected. */
export async function openFile(file: File, following: Following): Promise<Opened> {
  const { name } = file;
  const kind = kindOf(await file.slice(0, BEGINNING).text(), name);
  switch (kind) {
    case 'recordings': {
      const memory = await memoryFor(file);
      const { signal, progress } = following;
      const recordings = await decode(file, name, {
        progress: (share, doing) => progress(share, doing, memory),
        ...(signal && { signal }),
      });
      return { kind, name, recordings };
    }
    case 'results':
      return { kind, name, config: await resultsConfig(file, name) };
    case 'trace': {
      // Reads the beginning only: the requests are read when they are simulated, as many as that takes.
      const { format } = await openTrace(bytesOf(file), { fileName: name, content: false });
      return { kind, name, trace: { name, format, file } };
    }
    case 'events':
      throw new UsageError(
        `${name}: events as lines of JSON, which do not say where in memory things lie; record the run with --events run.quire, and open that`,
      );
    default:
      return kind satisfies never;
  }
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
  return decode(new Blob([bytes]), 'this report', { progress: () => undefined });
}
