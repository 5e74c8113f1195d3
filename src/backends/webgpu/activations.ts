import type { Bytes } from '../../core/units.ts';
import type { ModelConfig } from '../model/config.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { paddedIntermediate, qkvRows } from './gpu-model.ts';
import { STEP_WORDS } from './kernels/step-layout.ts';
import { type Dtype, formatOf } from './kernels/storage.ts';
import { ROW_PADDING } from './linear/linear-op.ts';
import { USAGE } from './usage.ts';

/** Sizes of the largest step that the buffers are made for. */
export interface StepSize {
  readonly tokens: number;
  readonly outputs: number;
  readonly draws: number;
  /** 32-bit words of its upload. */
  readonly words: number;
}

export interface ActivationOptions {
  readonly config: ModelConfig;
  readonly dtype: Dtype;
  /** Tokens with partial attention results. */
  readonly partials: number;
  /** Of the linear layers, for so many rows. */
  readonly scratchBytes: (rows: number) => Bytes;
}

const NAMES = [
  'step',
  'batch',
  'hidden',
  'normed',
  'qkv',
  'queries',
  'attended',
  'partials',
  'partialStats',
  'mlp',
  'outputs',
  'logits',
  'drawn',
  'scratch',
] as const;

export type ActivationName = (typeof NAMES)[number];

/** Buffers that a step works in, shared by all layers and all steps. */
export class Activations {
  readonly size: StepSize;
  readonly buffers: Readonly<Record<ActivationName, GPUBuffer>>;

  private constructor(size: StepSize, buffers: Record<ActivationName, GPUBuffer>) {
    this.size = size;
    this.buffers = buffers;
  }

  /** @throws UsageError when the GPU has no room. */
  static async allocate(memory: GpuMemory, size: StepSize, options: ActivationOptions): Promise<Activations> {
    const bytes = activationBytes(size, options);
    const buffers: Partial<Record<ActivationName, GPUBuffer>> = {};
    for (const name of NAMES) {
      const usage = name === 'step' ? USAGE.uniform : USAGE.storage;
      buffers[name] = await memory.allocate(`activations (${name})`, bytes[name], usage);
    }
    return new Activations(size, buffers as Record<ActivationName, GPUBuffer>);
  }

  holds(size: StepSize): boolean {
    const { tokens, outputs, draws, words } = this.size;
    return size.tokens <= tokens && size.outputs <= outputs && size.draws <= draws && size.words <= words;
  }

  /** @param kept stays. */
  free(memory: GpuMemory, kept?: GPUBuffer): void {
    for (const buffer of Object.values(this.buffers)) if (buffer !== kept) memory.free(buffer);
  }
}

export function activationBytes(size: StepSize, options: ActivationOptions): Record<ActivationName, Bytes> {
  const { config, dtype, partials, scratchBytes } = options;
  const { hidden, heads, headDim, vocab } = config;
  const { bytes } = formatOf(dtype);
  const padded = (rows: number) => Math.ceil(rows / ROW_PADDING) * ROW_PADDING;
  const tokens = padded(size.tokens);
  const outputs = padded(size.outputs);
  return {
    step: STEP_WORDS * 4,
    batch: size.words * 4,
    hidden: tokens * hidden * 4,
    normed: tokens * hidden * bytes,
    qkv: tokens * qkvRows(config) * bytes,
    queries: tokens * heads * headDim * bytes,
    attended: tokens * heads * headDim * bytes,
    partials: partials * heads * headDim * 4,
    partialStats: partials * heads * 8,
    mlp: tokens * paddedIntermediate(config) * bytes,
    outputs: outputs * hidden * bytes,
    logits: size.outputs * vocab * 4,
    drawn: size.draws * 4,
    scratch: scratchBytes(tokens),
  };
}

/** A size with room for a little more, so that growing steps do not each make new buffers. */
export function grown(from: StepSize, to: StepSize): StepSize {
  const grow = (have: number, need: number) => (need <= have ? have : Math.ceil(Math.max(need, have * 1.5)));
  return {
    tokens: grow(from.tokens, to.tokens),
    outputs: grow(from.outputs, to.outputs),
    draws: grow(from.draws, to.draws),
    words: grow(from.words, to.words),
  };
}
