import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { quoted, UsageError } from '../../core/errors.ts';
import { fetchSnapshot } from './hub/fetch-snapshot.ts';
import { HubClient } from './hub/hub-client.ts';
import { HubUnreachable } from './hub/hub-error.ts';
import type { Progress } from './hub/hub-file.ts';
import { defaultCache, ModelCache } from './hub/model-cache.ts';

export interface ModelFolderOptions {
  /** Folder for what is fetched. Default: `QUIRE_CACHE`, else `quire` in the user's cache folder. */
  readonly cache?: string | undefined;
  readonly progress?: Progress | undefined;
  /** What the user should know though it works, in a sentence. */
  readonly warn?: ((text: string) => void) | undefined;
  /** Default: `HF_TOKEN`, else what the tools of Hugging Face stored at login. */
  readonly token?: string | undefined;
  /** Branch, tag or commit. Default `main`. */
  readonly revision?: string | undefined;
  /** Use what is in the cache and ask nobody. Default: `HF_HUB_OFFLINE`. */
  readonly offline?: boolean | undefined;
  /** Seconds before what failed is tried again. Default 0.5. */
  readonly retryDelay?: number | undefined;
}

/**
 * The folder of a model: a local one as it is, or `owner/name` of the Hugging Face hub (or of `HF_ENDPOINT`),
 * fetched to the cache where it is not there yet.
 * @throws UsageError when there is none, it may not be read, it has nothing that Quire can run, or the network or
 * the disk do not allow it: what, why and what to do.
 */
export async function modelFolder(idOrPath: string, options: ModelFolderOptions = {}): Promise<string> {
  const path = idOrPath.replace(/^~(?=$|[/\\])/, homedir());
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return path;
  if (found) {
    throw new UsageError(`${idOrPath} is a file; name the folder of the model (config.json, safetensors …).`);
  }
  if (!/^[\w-][\w.-]*\/[\w-][\w.-]*$/.test(idOrPath)) {
    throw new UsageError(
      `There is no folder ${quoted(idOrPath)}; name the folder of a model, or a model of the hub as owner/name.`,
    );
  }
  return await hubFolder(idOrPath, options);
}

async function hubFolder(model: string, options: ModelFolderOptions): Promise<string> {
  const { env } = process;
  const revision = options.revision ?? 'main';
  const cache = new ModelCache(options.cache ?? defaultCache(env), model);
  const isCommit = /^[0-9a-f]{40}$/.test(revision);
  const known = isCommit ? revision : await cache.ref(revision);
  const cached = known !== undefined && (await cache.isComplete(known)) ? cache.snapshot(known) : undefined;
  if (options.offline ?? isSet(env['HF_HUB_OFFLINE'])) {
    if (cached) return cached;
    throw new UsageError(
      `${model} (${revision}) is not in the cache ${cache.folder}, and Quire is offline; ` +
        'run it once with the network, or name the folder of a model.',
    );
  }
  const client = new HubClient({
    endpoint: (env['HF_ENDPOINT'] || 'https://huggingface.co').replace(/\/+$/, ''),
    token: options.token ?? (await storedToken(env)),
    retryDelay: options.retryDelay,
  });
  try {
    const commit = isCommit ? revision : await client.commit(model, revision);
    if (!(await cache.isComplete(commit))) await fetchSnapshot(client, cache, model, commit, options);
    if (known !== commit && !isCommit) await cache.setRef(revision, commit);
    return cache.snapshot(commit);
  } catch (error) {
    if (!cached || !(error instanceof HubUnreachable)) throw error;
    options.warn?.(`${error.message} Using ${model} as it was fetched before (${known!.slice(0, 8)}).`);
    return cached;
  }
}

async function storedToken(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const given = env['HF_TOKEN'] || env['HUGGING_FACE_HUB_TOKEN'];
  if (given) return given.trim();
  const home = env['HF_HOME'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'huggingface');
  const text = await readFile(env['HF_TOKEN_PATH'] || join(home, 'token'), 'utf8').catch(() => '');
  return text.trim() || undefined;
}

const isSet = (value: string | undefined) => /^(1|on|yes|true)$/i.test(value ?? '');
