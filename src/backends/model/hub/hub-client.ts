import { quoted } from '../../../core/errors.ts';
import { HubError, HubUnreachable, statusError } from './hub-error.ts';
import type { HubFile } from './hub-file.ts';
import { retried } from './retried.ts';

/** Longest silence of the hub, in seconds. */
const SILENCE = 60;

export interface HubOptions {
  /** Where the hub is, without a slash at the end. */
  readonly endpoint: string;
  readonly token?: string | undefined;
  /** Seconds before the first repetition of what failed; each further one waits twice as long. */
  readonly retryDelay?: number | undefined;
}

/** What is asked of the hub: which commit a revision is, which files it has, and their bytes. */
export class HubClient {
  readonly #options: HubOptions;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  /** The commit that a revision (a branch, a tag) is now. */
  async commit(model: string, revision: string): Promise<string> {
    return await this.#asked(model, revision, async () => {
      const { modelInfo } = await import('@huggingface/hub');
      const info = await modelInfo({
        name: model,
        revision,
        additionalFields: ['sha'],
        hubUrl: this.#options.endpoint,
        fetch: this.#fetchFor(model, revision),
      });
      return hex(info.sha);
    });
  }

  /** The files at the top of the repository. */
  async files(model: string, commit: string): Promise<readonly HubFile[]> {
    return await this.#asked(model, commit, async () => {
      const { listFiles } = await import('@huggingface/hub');
      const files: HubFile[] = [];
      const asked = { repo: model, revision: commit, hubUrl: this.#options.endpoint };
      for await (const entry of listFiles({ ...asked, fetch: this.#fetchFor(model, commit) })) {
        if (entry.type !== 'file') continue;
        const { path, size, lfs, oid } = entry;
        if (lfs) files.push({ path, size, digest: { algorithm: 'sha256', hex: hex(lfs.oid) } });
        else if (oid) files.push({ path, size, digest: { algorithm: 'sha1', hex: hex(oid) } });
      }
      return files;
    });
  }

  /** A file's bytes from `from` on, where the server grants that (206), else all of them (200). */
  async bytes(
    model: string,
    commit: string,
    path: string,
    from: number,
    signal: AbortSignal,
  ): Promise<Response> {
    const url = `${this.#options.endpoint}/${model}/resolve/${commit}/${encodeURIComponent(path)}`;
    // Packed bytes would have another length, and parts that do not fit together.
    const headers = {
      'Accept-Encoding': 'identity',
      ...(from > 0 && { Range: `bytes=${from}-` }),
    };
    return await this.#fetchFor(model, commit)(url, { headers, signal });
  }

  async #asked<T>(model: string, revision: string, ask: () => Promise<T>): Promise<T> {
    const { endpoint, retryDelay } = this.#options;
    return await retried(async () => {
      try {
        return await ask();
      } catch (error) {
        if (error instanceof HubError) throw error;
        throw new HubUnreachable(
          `${endpoint} gave no answer about ${model} (${revision}) that could be read: ${(error as Error).message}`,
        );
      }
    }, retryDelay);
  }

  /** Throws for whatever is no success, in words. */
  #fetchFor(model: string, revision: string): typeof fetch {
    const { endpoint, token } = this.#options;
    return async (input, init) => {
      const headers = new Headers(init?.headers);
      // Left out by fetch where the hub sends on to another host.
      if (token) headers.set('Authorization', `Bearer ${token}`);
      // A signal holds for the whole answer, so who streams one watches it himself.
      const signal = init?.signal ?? AbortSignal.timeout(SILENCE * 1000);
      let response: Response;
      try {
        response = await fetch(input, { ...init, headers, signal });
      } catch (error) {
        if (init?.signal?.aborted) throw error;
        const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
        throw new HubUnreachable(
          `${endpoint} cannot be reached (${cause?.code ?? cause?.message ?? message})`,
        );
      }
      if (response.ok) return response;
      await response.body?.cancel();
      throw statusError(response, { model, revision, endpoint, hasToken: token !== undefined });
    };
  }
}

/** They become names of files and folders. */
function hex(text: string): string {
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return text;
  throw new Error(`found ${quoted(text)} in place of a checksum`);
}
