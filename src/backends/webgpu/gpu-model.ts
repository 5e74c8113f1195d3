import { UsageError } from '../../core/errors.ts';
import type { Bytes } from '../../core/units.ts';
import type { ModelConfig } from '../model/config.ts';
import type { GpuDevice } from './device.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { type Dtype, formatOf } from './kernels/storage.ts';
import { ropeTable } from './rope-table.ts';
import type { WeightSource } from './weight-upload.ts';

export interface GpuLayer {
  readonly attentionNorm: GPUBuffer;
  /** Q, K, V one below the other. */
  readonly qkv: GPUBuffer;
  readonly qkvBias: GPUBuffer | undefined;
  /** Weights of the norms of query heads, then of key heads. */
  readonly qkNorms: GPUBuffer | undefined;
  readonly attentionOut: GPUBuffer;
  readonly mlpNorm: GPUBuffer;
  /** Rows alternate: gate, up, gate, up … */
  readonly gateUp: GPUBuffer;
  readonly down: GPUBuffer;
}

/** A model's weights on the GPU. */
export interface GpuModel {
  readonly embedding: GPUBuffer;
  readonly layers: readonly GpuLayer[];
  readonly finalNorm: GPUBuffer;
  readonly lmHead: GPUBuffer;
  /** Cosines and sines of the rotary embedding by position, in the order that `ropeShader` reads. */
  readonly angles: GPUBuffer;
}

/** The MLP's width with the zeros that make it a whole number of tiles. */
export function paddedIntermediate(config: ModelConfig): number {
  return Math.ceil(config.intermediate / 64) * 64;
}

/** Rows of the fused projection of queries, keys and values. */
export function qkvRows({ heads, kvHeads, headDim }: ModelConfig): number {
  return (heads + 2 * kvHeads) * headDim;
}

/** @throws UsageError for shapes that no kernel here has. */
export function checkShapes(config: ModelConfig): void {
  const { hidden, headDim, heads, kvHeads } = config;
  const reason =
    hidden % 8 !== 0
      ? `a hidden size of ${hidden} is not a multiple of 8`
      : headDim % 8 !== 0 || headDim > 256
        ? `a head of ${headDim} is not a multiple of 8 up to 256`
        : heads % kvHeads !== 0
          ? `${heads} heads cannot share ${kvHeads} KV heads equally`
          : undefined;
  if (reason)
    throw new UsageError(`the WebGPU kernels do not have this shape (${reason}): use the reference backend`);
}

/** What `uploadModel` will take, to the last buffer's padding. */
export function modelBytes(config: ModelConfig, dtype: Dtype): Bytes {
  const { hidden, vocab, layers, heads, headDim, qkvBias, qkNorm } = config;
  const { bytes } = formatOf(dtype);
  const perLayer =
    bytes * hidden * (qkvRows(config) + heads * headDim + 3 * paddedIntermediate(config)) +
    4 * (2 * hidden + (qkvBias ? qkvRows(config) : 0) + (qkNorm ? 2 * headDim : 0));
  const table = bytes * vocab * hidden * (config.tiedEmbeddings ? 1 : 2);
  return layers * perLayer + table + 4 * hidden + config.maxModelLen * headDim * 4;
}

/**
 * @param progress is told the share of layers done, 0 … 1.
 * @throws UsageError when a tensor is missing or of another shape, or the GPU has no room.
 */
export async function uploadModel(
  gpu: GpuDevice,
  memory: GpuMemory,
  config: ModelConfig,
  upload: WeightSource,
  dtype: Dtype,
  progress: (share: number) => void = () => {},
): Promise<GpuModel> {
  checkShapes(config);
  const { hidden, headDim, heads, kvHeads, intermediate, vocab } = config;
  const { bytes } = formatOf(dtype);
  const matrix = async (name: string, rows: number, columns: number, width = columns) => {
    const buffer = await memory.allocate(name, rows * width * bytes);
    await upload.upload(name, [rows, columns], { buffer, dtype, width });
    return buffer;
  };
  const vector = async (name: string, size: number) => {
    const buffer = await memory.allocate(name, size * 4);
    await upload.upload(name, [size], { buffer, dtype: 'f32', width: size });
    return buffer;
  };
  const stacked = async (
    label: string,
    names: readonly (readonly [string, number])[],
    type: Dtype,
    width?: number,
  ) => {
    const total = names.reduce((sum, [, rows]) => sum + rows, 0);
    const buffer = await memory.allocate(label, total * (width ?? 1) * formatOf(type).bytes);
    let firstRow = 0;
    for (const [name, rows] of names) {
      if (width !== undefined)
        await upload.upload(name, [rows, width], { buffer, dtype: type, width, firstRow });
      // A vector is a row of its own width; those before it are a whole number of such rows, as heads are of KV heads.
      else await upload.upload(name, [rows], { buffer, dtype: type, width: rows, firstRow: firstRow / rows });
      firstRow += rows;
    }
    return buffer;
  };
  const layer = async (index: number): Promise<GpuLayer> => {
    const at = `model.layers.${index}`;
    const [q, kv] = [heads * headDim, kvHeads * headDim];
    const projections = (part: string) =>
      [
        [`${at}.self_attn.q_proj.${part}`, q],
        [`${at}.self_attn.k_proj.${part}`, kv],
        [`${at}.self_attn.v_proj.${part}`, kv],
      ] as const;
    const padded = paddedIntermediate(config);
    const gateUp = await memory.allocate(`${at}.mlp.gate_up_proj`, 2 * padded * hidden * bytes);
    for (const [firstRow, name] of ['gate', 'up'].entries()) {
      const placement = { buffer: gateUp, dtype, width: hidden, firstRow, rowStep: 2 };
      await upload.upload(`${at}.mlp.${name}_proj.weight`, [intermediate, hidden], placement);
    }
    return {
      attentionNorm: await vector(`${at}.input_layernorm.weight`, hidden),
      qkv: await stacked(`${at}.self_attn.qkv_proj`, projections('weight'), dtype, hidden),
      qkvBias: config.qkvBias ? await stacked(`${at} biases`, projections('bias'), 'f32') : undefined,
      qkNorms: config.qkNorm
        ? await stacked(
            `${at} norms`,
            [
              [`${at}.self_attn.q_norm.weight`, headDim],
              [`${at}.self_attn.k_norm.weight`, headDim],
            ],
            'f32',
          )
        : undefined,
      attentionOut: await matrix(`${at}.self_attn.o_proj.weight`, hidden, q),
      mlpNorm: await vector(`${at}.post_attention_layernorm.weight`, hidden),
      gateUp,
      down: await matrix(`${at}.mlp.down_proj.weight`, hidden, intermediate, padded),
    };
  };
  const embedding = await matrix('model.embed_tokens.weight', vocab, hidden);
  const layers: GpuLayer[] = [];
  for (let index = 0; index < config.layers; index++) {
    layers.push(await layer(index));
    progress((index + 1) / config.layers);
  }
  const finalNorm = await vector('model.norm.weight', hidden);
  const lmHead = config.tiedEmbeddings ? embedding : await matrix('lm_head.weight', vocab, hidden);
  upload.finish();
  const angles = await memory.allocate('rotary angles', config.maxModelLen * headDim * 4);
  gpu.device.queue.writeBuffer(angles, 0, ropeTable(config));
  return { embedding, layers, finalNorm, lmHead, angles };
}
