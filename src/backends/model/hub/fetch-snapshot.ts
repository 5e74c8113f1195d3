import { join } from 'node:path';
import { UsageError } from '../../../core/errors.ts';
import { sizeOf } from '../files.ts';
import { readConfig } from '../load.ts';
import { weightFiles } from '../weight-files.ts';
import { download } from './download.ts';
import { withLock } from './file-lock.ts';
import type { HubClient } from './hub-client.ts';
import type { HubFile, Progress } from './hub-file.ts';
import type { ModelCache } from './model-cache.ts';

const AT_ONCE = 4;

export interface FetchOptions {
  readonly progress?: Progress | undefined;
  readonly warn?: ((text: string) => void) | undefined;
  readonly retryDelay?: number | undefined;
}

/**
 * Fetches a commit of a model to its snapshot folder: the small files first, so that a model that Quire cannot run
 * is refused before gigabytes of it have come.
 */
export async function fetchSnapshot(
  client: HubClient,
  cache: ModelCache,
  model: string,
  commit: string,
  options: FetchOptions,
): Promise<void> {
  const files = chooseFiles(await client.files(model, commit), model);
  await cache.prepare(commit);
  const onWait = () => options.warn?.(`Waiting for another process, which is fetching ${model}.`);
  await withLock(
    join(cache.folder, 'lock'),
    async () => {
      if (await cache.isComplete(commit)) return;
      await requireSpace(cache, files, model);
      const fetching = new Fetching(client, cache, model, commit, files, options);
      const small = files.filter(({ path }) => !path.endsWith('.safetensors'));
      await fetching.all(small);
      const names = files.map(({ path }) => path);
      await readConfig(cache.snapshot(commit), names).catch(error => {
        if (!(error instanceof UsageError)) throw error;
        throw new UsageError(error.message.replaceAll(cache.snapshot(commit), model));
      });
      await fetching.all(files.filter(file => !small.includes(file)));
      await cache.complete(commit, files);
    },
    { onWait },
  );
}

/** What a model needs to run: its configs, tokenizer and weights; no pickles, and none of it twice. */
export function chooseFiles(files: readonly HubFile[], model: string): readonly HubFile[] {
  const names = files.map(({ path }) => path);
  const weights = new Set(weightFiles(names, model));
  const other =
    /^((generation_)?config|adapter_config|tokenizer[\w.-]*|special_tokens_map|chat_template)\.json$|^[\w.-]+\.jinja$/;
  return files.filter(({ path }) => weights.has(path) || other.test(path));
}

async function requireSpace(cache: ModelCache, files: readonly HubFile[], model: string): Promise<void> {
  let missing = 0;
  for (const file of files) missing += file.size - (await cache.here(file));
  const free = await cache.free();
  if (missing <= free) return;
  throw new UsageError(
    `${model} needs ${gib(missing)} more on the disk of ${cache.folder}, where ${gib(free)} are free; ` +
      'free some, or name a folder on another disk with QUIRE_CACHE.',
  );
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

/** The files of one commit, a few at a time, and how far they are. */
class Fetching {
  readonly #client: HubClient;
  readonly #cache: ModelCache;
  readonly #model: string;
  readonly #commit: string;
  readonly #options: FetchOptions;
  readonly #total: { readonly bytes: number; readonly files: number };
  readonly #bytes = new Map<HubFile, number>();
  #bytesDone = 0;
  #filesDone = 0;

  constructor(
    client: HubClient,
    cache: ModelCache,
    model: string,
    commit: string,
    files: readonly HubFile[],
    options: FetchOptions,
  ) {
    this.#client = client;
    this.#cache = cache;
    this.#model = model;
    this.#commit = commit;
    this.#options = options;
    this.#total = { bytes: files.reduce((sum, { size }) => sum + size, 0), files: files.length };
  }

  async all(files: readonly HubFile[]): Promise<void> {
    const waiting = [...files];
    const stop = new AbortController();
    const worker = async () => {
      for (let file = waiting.shift(); file && !stop.signal.aborted; file = waiting.shift()) {
        await this.#one(file, stop.signal);
      }
    };
    const workers = Array.from({ length: AT_ONCE }, () =>
      // The first that fails stops the others; what they then fail with is of no interest.
      worker().catch(error => stop.abort(error)),
    );
    await Promise.all(workers);
    if (stop.signal.aborted) throw stop.signal.reason;
  }

  async #one(file: HubFile, signal: AbortSignal): Promise<void> {
    const blob = this.#cache.blob(file);
    if ((await sizeOf(blob)) !== file.size) {
      const source = (from: number, until: AbortSignal) =>
        this.#client.bytes(this.#model, this.#commit, file.path, from, until);
      const { retryDelay } = this.#options;
      await download(source, file, blob, { signal, retryDelay, onBytes: n => this.#arrived(file, n) });
    }
    await this.#cache.place(this.#commit, file);
    this.#filesDone++;
    this.#arrived(file, file.size);
  }

  #arrived(file: HubFile, bytes: number): void {
    this.#bytesDone += bytes - (this.#bytes.get(file) ?? 0);
    this.#bytes.set(file, bytes);
    this.#options.progress?.({
      file: file.path,
      bytesDone: this.#bytesDone,
      bytesTotal: this.#total.bytes,
      filesDone: this.#filesDone,
      filesTotal: this.#total.files,
    });
  }
}
