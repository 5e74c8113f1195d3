import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { modelFolder } from '../backends/model/hub.ts';
import { UsageError } from '../core/errors.ts';
import { GiB, MiB } from '../core/units.ts';
import type { HubFlags } from './backend-flags.ts';
import { Progress } from './progress.ts';

const SHIPPED = 'quire-stories';

/** A model where it lies on this machine. */
export interface ModelSource {
  /** As people call it. */
  readonly name: string;
  readonly folder: string;
}

/**
 * The model that is asked for, fetched if need be with progress on stderr; without a name the one that ships with
 * Quire.
 * @throws UsageError when there is none such.
 */
export async function findModelFolder(asked: string | undefined, flags: HubFlags): Promise<ModelSource> {
  if (asked === undefined) return { name: SHIPPED, folder: shippedModel() };
  if (asked === '') throw new UsageError('--model: expected a folder, or owner/name of the hub, found ""');
  const progress = new Progress();
  try {
    const folder = await modelFolder(asked, {
      ...flags,
      warn: progress.warn,
      progress: ({ bytesDone, bytesTotal, filesDone, filesTotal }) => {
        const sizes = `${size(bytesDone)} of ${size(bytesTotal)}`;
        const files = `${filesDone} of ${filesTotal} files`;
        progress.update(
          bytesTotal > 0 ? bytesDone / bytesTotal : 0,
          `fetching ${asked} · ${files} · ${sizes}`,
        );
      },
    });
    // One of the cache lies in a folder that is named after its commit.
    return { name: existsSync(asked) ? basename(resolve(folder)) : asked, folder };
  } finally {
    progress.end();
  }
}

/** In the package, which is above this file: how far depends on whether it runs as source or was built. */
function shippedModel(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const model = join(folder, 'models', SHIPPED);
    if (existsSync(join(model, 'config.json'))) return model;
    if (folder === dirname(folder)) break;
  }
  throw new UsageError(
    `the model that ships with Quire (models/${SHIPPED}) is not in this installation: name another with --model`,
  );
}

function size(bytes: number): string {
  return bytes >= GiB ? `${(bytes / GiB).toFixed(1)} GiB` : `${(bytes / MiB).toFixed(1)} MiB`;
}
