import { findGpu } from '../../../src/sim/hardware/catalogue.ts';
import type { KernelFolder } from '../../../src/sim/kernels/kernel-folder.ts';
import type { AttentionStep } from '../../../src/sim/kernels/kernel-tables.ts';
import { openServingProfile } from '../../../src/sim/kernels/serving-profile.ts';
import { findModel } from '../../../src/sim/models/catalogue.ts';
import { folderOf } from './folder.ts';

/** Llama-3.1-8B on one RTX 4090. */
export const deployment = {
  model: findModel('llama-3.1-8b')!,
  gpu: findGpu('rtx-4090')!,
  tensorParallel: 1,
  weights: 'fp16',
  kv: 'fp16',
} as const;

/** Attention of 1 µs for each token of a prompt, 10 ns for each slot that decodes read, and 5 µs at all. */
export const attentionOf = (chunk: number, past: number, n: number, kv: number) =>
  5 + chunk * (1 + past / 1000) + (n * kv) / 100;

export const attentionRows = [0, 16, 64].flatMap(chunk =>
  (chunk === 0 ? [0] : [0, 128, 1024]).flatMap(past =>
    [0, 1, 4, 16].flatMap(n =>
      (n === 0 ? [0] : [16, 256, 4096])
        .filter(() => chunk + n > 0)
        .map(kv => `${chunk},${past},${n},${kv},${attentionOf(chunk, past, n, kv)}`),
    ),
  ),
);

const layers = [
  'embedding',
  'layernorm',
  'qkv_proj',
  'rotary_emb',
  'o_proj',
  'gate_up_proj',
  'act_fn',
  'down_proj',
  'final_layernorm',
];
/** The tables of one profile. */
export const files: Record<string, string> = {
  dense: `layer,tokens,time_us\n${layers.flatMap(layer => [1, 8, 64].map(tokens => `${layer},${tokens},${10 + tokens}`)).join('\n')}\n`,
  per_sequence: 'layer,sequences,time_us\nlm_head,1,100\nlm_head,8,107\nsampler,1,20\nsampler,8,27\n',
  attention: `prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n${attentionRows.join('\n')}\n`,
};
export function profileFolder(
  tables: Readonly<Record<string, string>>,
  name = (table: string) =>
    `runs/profile_RTX4090_meta-llama_Llama-3.1-8B_bf16_${table === 'meta' ? 'meta.yaml' : `tp1_${table}.csv.gz`}`,
): KernelFolder {
  return folderOf(Object.fromEntries(Object.entries(tables).map(([table, text]) => [name(table), text])));
}

export const open = async (tables = files) => (await openServingProfile(profileFolder(tables), deployment))!;
export const step = (change: Partial<AttentionStep>): AttentionStep => {
  const kv = change.kv ?? 0;
  return { chunk: 0, key: 0, decodes: 0, kv, shortest: kv, longest: kv, ...change };
};
