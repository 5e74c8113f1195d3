import { quoted, UsageError } from '../core/errors.ts';
import type { Listener } from '../core/events.ts';
import { EventLog } from '../trace/event-log.ts';
import type { Recording } from '../trace/recording.ts';
import { OutputFile, type Writer } from './output-file.ts';

/** What the ending of a file asks for. */
export const eventFormats = {
  '.jsonl': 'every event as a line of JSON',
  '.perfetto.json': 'a trace for Perfetto',
  '.trace.json': 'the same',
  '.parquet': 'two tables: NAME.requests.parquet, NAME.steps.parquet',
  '.quire': 'a recording for quire viz',
} as const;

type Ending = keyof typeof eventFormats;

interface Output {
  readonly ending: Ending;
  readonly files: readonly OutputFile[];
}

/** The files that `--events` names: looked at before the run, there when it has succeeded. */
export class EventsOutput {
  readonly #outputs: readonly Output[];
  readonly #open: { readonly log: EventLog; readonly writer: Writer }[] = [];

  /** @throws UsageError for an ending that means nothing, a place that cannot be written to, and a file named twice. */
  constructor(paths: readonly string[], inputs: readonly (string | undefined)[], out?: OutputFile) {
    const taken = out ? [out] : [];
    this.#outputs = paths.map(path => {
      // The place first: what is wrong with it is wrong with any ending.
      new OutputFile('--events', path, inputs);
      if (out?.isSame(new OutputFile('--events', path, inputs))) throw twice('--out and --events');
      const ending = endingOf(path);
      const files = namesOf(path, ending).map(name => new OutputFile('--events', name, inputs));
      for (const file of files) {
        if (out?.isSame(file)) throw twice('--out and --events');
        if (taken.some(other => other.isSame(file))) throw twice('two of --events');
      }
      taken.push(...files);
      return { ending, files };
    });
  }

  get paths(): readonly string[] {
    return this.#outputs.flatMap(({ files }) => files.map(({ path }) => path));
  }

  /** Whether `finish` needs recordings, for which each policy runs once more. */
  get needsRecordings(): boolean {
    return this.#outputs.some(({ ending }) => ending !== '.jsonl');
  }

  /** From here on lines are written; `finish` or `discard` must follow. */
  start(): void {
    for (const { ending, files } of this.#outputs) {
      if (ending !== '.jsonl') continue;
      const writer = files[0]!.open();
      this.#open.push({ writer, log: new EventLog(text => writer.write(text)) });
    }
  }

  listener(policy: string): Listener | undefined {
    const listeners = this.#open.map(({ log }) => log.listener(policy));
    if (listeners.length < 2) return listeners[0];
    return {
      detail: true,
      on(event) {
        for (const listener of listeners) listener.on(event);
      },
    };
  }

  async finish(recordings: readonly Recording[]): Promise<void> {
    for (const { ending, files } of this.#outputs)
      if (ending !== '.jsonl') await write(ending, files, recordings);
    for (const { log, writer } of this.#open) {
      log.flush();
      writer.commit();
    }
  }

  discard(): void {
    // The first made the folder that others may be in.
    for (const { writer } of this.#open.toReversed()) writer.discard();
  }
}

async function write(
  ending: Exclude<Ending, '.jsonl'>,
  files: readonly OutputFile[],
  recordings: readonly Recording[],
): Promise<void> {
  // Loaded by those who ask for them.
  switch (ending) {
    case '.perfetto.json':
    case '.trace.json': {
      const { perfettoTrace } = await import('../trace/perfetto.ts');
      return await files[0]!.write(perfettoTrace(recordings));
    }
    case '.parquet': {
      const { requestsParquet, stepsParquet } = await import('../trace/parquet.ts');
      await files[0]!.write(requestsParquet(recordings));
      return await files[1]!.write(stepsParquet(recordings));
    }
    case '.quire': {
      const { encodeRecordings } = await import('../trace/recording-file.ts');
      return await files[0]!.write(await encodeRecordings(recordings));
    }
    default:
      ending satisfies never;
  }
}

function endingOf(path: string): Ending {
  const found = (Object.keys(eventFormats) as Ending[]).find(ending => path.toLowerCase().endsWith(ending));
  if (found) return found;
  const known = Object.entries(eventFormats).map(([ending, what]) => `${ending} (${what})`);
  throw new UsageError(
    `--events ${quoted(path).slice(1, -1)}: its ending says what is written; expected one of ${known.join(', ')}`,
  );
}

function namesOf(path: string, ending: Ending): string[] {
  if (ending !== '.parquet') return [path];
  const name = path.slice(0, -ending.length);
  return [`${name}.requests.parquet`, `${name}.steps.parquet`];
}

const twice = (who: string) => new UsageError(`${who} are the same file; give each its own`);
