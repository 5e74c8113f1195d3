import { GiB } from '../../core/units.ts';
import type { Gpu } from '../hardware/gpu.ts';

/**
 * Words that tell no two GPUs of the catalogue apart. Not among them: `pcie`, `nvl`, `laptop`, `max-q`, `d`, which are
 * slower GPUs of the same name.
 */
const idle = /^(?:nvidia|amd|geforce|tesla|instinct|gpu|oam|sxm\d?|hbm\d?e?|blackwell|server|edition)$/;

/** Of GPUs sold with several sizes of memory the one that is meant where a label names none. */
const meant: Readonly<Record<string, string>> = { a100: 'a100-80g' };

/**
 * Whether a label of a file, folder, table or driver names this GPU of the catalogue: `A100-SXM4-80GB`, `a100_sxm`
 * and `A100` are `a100-80g`, `RTX4090` and `NVIDIA GeForce RTX 4090` are `rtx-4090`. All its words count: an `L4` is
 * no `l40s`, and an `H100 PCIe` is none of the catalogue.
 */
export function meansGpu(label: string, { name, memory }: Pick<Gpu, 'name' | 'memory'>): boolean {
  const found = gpuLabel(label);
  const own = gpuLabel(name);
  if (found.chip !== own.chip) return false;
  if (found.memory === undefined) return own.memory === undefined || meant[own.chip] === name;
  // Makers round what the driver reports to a figure between its GiB and its GB.
  return found.memory >= Math.floor(memory / GiB) && found.memory <= Math.ceil(memory / 1e9);
}

/** `A100-SXM4-80GB`: letters and digits of what is no idle word, and GB where it has them. */
function gpuLabel(text: string): { readonly chip: string; readonly memory: number | undefined } {
  let memory: number | undefined;
  const words = text.toLowerCase().replaceAll(/(?<![a-z0-9])(\d+)[ _-]?gi?b?(?![a-z0-9])/g, (_, size) => {
    memory = Number(size);
    return ' ';
  });
  const chip = words
    .split(/[^a-z0-9]+/)
    .filter(word => !idle.test(word))
    .join('');
  return { chip, memory };
}

/**
 * Whether two names of Hugging Face, a slash perhaps an underscore, mean the same network: its owner,
 * fine-tuning, quantisation and version do not matter.
 */
export const sameModel = (a: string, b: string): boolean => modelKey(a) === modelKey(b);

function modelKey(title: string): string {
  const own = title.split(/[/_](?=[^/_]+$)/).at(-1)!;
  const variant = /-(instruct|chat|hf|base|fp8|dynamic|\d{4}|v\d+\.\d+)(?=-|$)/gi;
  const kept = own.replace(/^meta-/i, '').replaceAll(variant, '');
  return kept.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
