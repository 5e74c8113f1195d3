const plain = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

/** Whether a label names this GPU of the catalogue: `RTX4090` is `rtx-4090`; it may leave out the memory (`A100`). */
export const sameName = (gpu: string, label: string): boolean => plain(gpu).startsWith(plain(label));

/**
 * Whether two names of Hugging Face, a slash perhaps an underscore, mean the same network: its owner,
 * fine-tuning, quantisation and version do not matter.
 */
export const sameModel = (a: string, b: string): boolean => modelKey(a) === modelKey(b);

function modelKey(title: string): string {
  const own = title.split(/[/_](?=[^/_]+$)/).at(-1)!;
  const variant = /-(instruct|chat|hf|base|fp8|dynamic|\d{4}|v\d+\.\d+)(?=-|$)/gi;
  return plain(own.replace(/^meta-/i, '').replaceAll(variant, ''));
}
