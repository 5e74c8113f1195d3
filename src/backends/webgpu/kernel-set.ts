import type { ModelConfig } from '../model/config.ts';
import { type AttentionPart, decodeShader, prefillShader } from './attention/attention-kernels.ts';
import type { AttentionShape } from './attention/attention-shape.ts';
import { mergeShader } from './attention/merge.ts';
import type { GpuDevice } from './device.ts';
import { paddedIntermediate, qkvRows } from './gpu-model.ts';
import { Kernel } from './kernel.ts';
import { copyBlocksShader } from './kernels/copy-blocks.ts';
import { embedShader } from './kernels/embed.ts';
import { rmsNormShader } from './kernels/rms-norm.ts';
import { ropeShader } from './kernels/rope.ts';
import { sampleShader } from './kernels/sample.ts';
import type { Shader } from './kernels/shader.ts';
import type { StepField } from './kernels/step-layout.ts';
import type { Dtype } from './kernels/storage.ts';
import { LinearKernels } from './linear/linear-kernels.ts';
import type { LinearOp } from './linear/linear-op.ts';
import type { Preference } from './linear/linear-variants.ts';
import type { DeviceTraits } from './traits.ts';

/** What kernels are made for, beside the device. */
export interface KernelOptions {
  readonly config: ModelConfig;
  readonly dtype: Dtype;
  readonly blockSize: number;
  /** Choices that were measured; see `LINEAR_VARIANTS` for those that were not. */
  readonly prefer?: Preference | undefined;
  /** Attention that is to be the portable kernels', as the device's faster ones are wrong. */
  readonly portable?: readonly AttentionPart[] | undefined;
}

const PARTS = [
  'copyBlocks',
  'embed',
  'norm',
  'finalNorm',
  'rope',
  'decode',
  'prefill',
  'merge',
  'sample',
] as const;

/** Shaders with one variant, by their part in the forward pass. */
export type Part = (typeof PARTS)[number];

const THREADS = 256;

export function attentionShape({ config, dtype, blockSize }: KernelOptions): AttentionShape {
  const { heads, kvHeads, headDim, slidingWindow } = config;
  return { dtype, heads, kvHeads, headDim, blockSize, window: slidingWindow };
}

export function shadersOf(options: KernelOptions, traits: DeviceTraits): Record<Part, Shader> {
  const { config, dtype, blockSize, portable = [] } = options;
  const { hidden, heads, kvHeads, headDim, rmsNormEps: eps, vocab } = config;
  const shape = attentionShape(options);
  const norm = (gather: boolean) => rmsNormShader({ dtype, hidden, eps, gather, threads: THREADS });
  return {
    copyBlocks: copyBlocksShader({ dtype, kvHeads, headDim, blockSize }),
    embed: embedShader({ dtype, hidden, vocab }),
    norm: norm(false),
    finalNorm: norm(true),
    rope: ropeShader({
      dtype,
      heads,
      kvHeads,
      headDim,
      blockSize,
      qkNormEps: config.qkNorm ? eps : undefined,
    }),
    decode: decodeShader(shape, traits, portable.includes('decode')),
    prefill: prefillShader(shape, traits, portable.includes('prefill')),
    merge: mergeShader({ dtype, heads, headDim }),
    sample: sampleShader({ vocab, threads: THREADS }),
  };
}

export function linearOps({ config, dtype }: KernelOptions): readonly LinearOp[] {
  const { hidden, heads, headDim, vocab } = config;
  const intermediate = paddedIntermediate(config);
  const op = { dtype, bias: false, rows: 'tokens' } as const;
  return [
    {
      ...op,
      name: 'qkv',
      inputs: hidden,
      outputs: qkvRows(config),
      epilogue: 'activation',
      bias: config.qkvBias,
    },
    { ...op, name: 'attention-out', inputs: heads * headDim, outputs: hidden, epilogue: 'residual' },
    { ...op, name: 'gate-up', inputs: hidden, outputs: 2 * intermediate, epilogue: 'swiglu' },
    { ...op, name: 'down', inputs: intermediate, outputs: hidden, epilogue: 'residual' },
    { ...op, name: 'lm-head', inputs: hidden, outputs: vocab, epilogue: 'logits', rows: 'outputs' },
  ];
}

/** The counts of a step that decide which kernels it takes. */
export type KernelCounts = Pick<Record<StepField, number>, 'tokens' | 'outputs'> &
  Partial<Pick<Record<StepField, number>, 'decodes' | 'prefills' | 'merges' | 'copies'>>;

/** The kernels of a model on a device. */
export class KernelSet {
  readonly linear: Readonly<Record<LinearOp['name'], LinearKernels>>;
  readonly #gpu: GpuDevice;
  readonly #shaders: Readonly<Record<Part, Shader>>;
  readonly #parts = new Map<Part, Kernel>();

  constructor(gpu: GpuDevice, options: KernelOptions) {
    this.#gpu = gpu;
    this.#shaders = shadersOf(options, gpu.traits);
    this.linear = Object.fromEntries(
      linearOps(options).map(op => [op.name, new LinearKernels(gpu, op, options.prefer)]),
    ) as Record<LinearOp['name'], LinearKernels>;
  }

  /** Must have been prepared. */
  part(part: Part): Kernel {
    return this.#parts.get(part)!;
  }

  /** Compiles what a step takes and was not compiled yet. */
  async prepare({ tokens, outputs, decodes, prefills, merges, copies }: KernelCounts): Promise<void> {
    const parts = PARTS.filter(
      part =>
        !this.#parts.has(part) &&
        !(
          (part === 'decode' && decodes === 0) ||
          (part === 'prefill' && prefills === 0) ||
          (part === 'merge' && merges === 0) ||
          (part === 'copyBlocks' && copies === 0)
        ),
    );
    const linear = Object.values(this.linear).map(kernels => ({
      kernels,
      rows: kernels.op.rows === 'tokens' ? tokens : outputs,
    }));
    if (parts.length === 0 && linear.every(({ kernels, rows }) => kernels.ready(rows))) return;
    await Promise.all([
      ...parts.map(part => this.#compile(part)),
      ...linear.map(({ kernels, rows }) => kernels.prepare(rows)),
    ]);
  }

  /** Compiles what any step up to this size takes, so that none waits for the compiler. */
  async prepareUpTo(tokens: number, outputs: number): Promise<void> {
    await Promise.all([
      ...PARTS.map(part => this.#compile(part)),
      ...Object.values(this.linear).map(kernels =>
        kernels.prepareUpTo(kernels.op.rows === 'tokens' ? tokens : outputs),
      ),
    ]);
  }

  forgetBuffers(): void {
    for (const kernel of this.#parts.values()) kernel.forgetBuffers();
    for (const kernels of Object.values(this.linear)) kernels.forgetBuffers();
  }

  async #compile(part: Part): Promise<void> {
    if (!this.#parts.has(part)) this.#parts.set(part, await Kernel.compile(this.#gpu, this.#shaders[part]));
  }
}
