import { UsageError } from '../../../src/core/errors.ts';
import type { KernelFolder } from '../../../src/sim/kernels/kernel-folder.ts';

/** A folder in memory. */
export function folderOf(files: Readonly<Record<string, string | Uint8Array>>): KernelFolder {
  const bytes = async (path: string) => {
    const file = files[path];
    if (file === undefined) throw new UsageError(`${path}: no such file`);
    return typeof file === 'string' ? new TextEncoder().encode(file) : file;
  };
  return {
    name: 'kernels',
    list: async () => Object.keys(files).sort(),
    bytes,
    text: async path => new TextDecoder().decode(await bytes(path)),
  };
}

export const encode = (text: string) => new TextEncoder().encode(text);
