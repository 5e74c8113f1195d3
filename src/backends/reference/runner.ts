import { UsageError } from '../../core/errors.ts';
import type { Tokens } from '../../core/units.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Weights } from '../model/weights.ts';
import type { Drawn, ModelRunner, TokenBatch } from '../model-runner.ts';
import { sampleToken } from '../sampling/sample.ts';
import { attention } from './attention.ts';
import { LayerKv } from './kv-cache.ts';
import { type Layer, type Model, readModel } from './model.ts';
import { add, gather, linear, rmsNorm, swiGlu } from './ops.ts';
import { Rotation, ropeFrequencies } from './rotary.ts';

export interface ReferenceOptions {
  readonly blockSize: Tokens;
  readonly numBlocks: number;
}

/**
 * A model in plain TypeScript, the oracle that kernels are held against: f32 in memory, f64 in sums, KV in
 * blocks. Slow, and meant for models of some millions of parameters.
 */
export class ReferenceRunner implements ModelRunner {
  readonly config: ModelConfig;
  readonly blockSize: Tokens;
  readonly numBlocks: number;
  readonly #model: Model;
  readonly #frequencies: Float64Array;
  #kv: readonly LayerKv[];

  private constructor(config: ModelConfig, model: Model, options: ReferenceOptions) {
    this.config = config;
    this.blockSize = options.blockSize;
    this.numBlocks = options.numBlocks;
    this.#model = model;
    this.#frequencies = ropeFrequencies(config.rope, config.headDim);
    this.#kv = model.layers.map(() => new LayerKv(config, options.numBlocks, options.blockSize));
  }

  /** @throws UsageError when tensors are missing, or the KV cache is more than memory can hold. */
  static async create(
    config: ModelConfig,
    weights: Weights,
    options: ReferenceOptions,
  ): Promise<ReferenceRunner> {
    const model = await readModel(config, weights);
    try {
      return new ReferenceRunner(config, model, options);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new UsageError(
        `${options.numBlocks} KV blocks of ${options.blockSize} tokens are more than this process can hold: ` +
          'lower the memory for KV, or the block size',
      );
    }
  }

  async run(batch: TokenBatch): Promise<readonly Drawn[]> {
    const logits = this.forward(
      batch,
      batch.draws.map(draw => batch.rowStarts[draw.row + 1]! - 1),
    );
    const { vocab } = this.config;
    return batch.draws.map((draw, i) => sampleToken(logits.subarray(i * vocab, (i + 1) * vocab), draw));
  }

  /**
   * The pass without the draws.
   * @param wanted tokens of the batch, by their place in it.
   * @returns their logits, [wanted.length, vocab].
   */
  forward(batch: TokenBatch, wanted: ArrayLike<number>): Float32Array {
    const { hidden, rmsNormEps } = this.config;
    const state = gather(this.#model.embedding, batch.tokens, hidden);
    const rotation = new Rotation(batch.positions, this.#frequencies);
    for (const [i, layer] of this.#model.layers.entries()) {
      this.#kv[i]!.copy(batch.copies);
      add(
        state,
        this.#attend(layer, this.#kv[i]!, rmsNorm(state, layer.inputNorm, rmsNormEps), rotation, batch),
      );
      const normed = rmsNorm(state, layer.postNorm, rmsNormEps);
      add(state, linear(swiGlu(linear(normed, layer.gate), linear(normed, layer.up)), layer.down));
    }
    const last = gather(state, wanted, hidden);
    return linear(rmsNorm(last, this.#model.norm, rmsNormEps), this.#model.head);
  }

  #attend(
    layer: Layer,
    kv: LayerKv,
    input: Float32Array,
    rotation: Rotation,
    batch: TokenBatch,
  ): Float32Array {
    const { heads, kvHeads, rmsNormEps } = this.config;
    let q = linear(input, layer.q);
    let k = linear(input, layer.k);
    if (layer.qNorm) q = rmsNorm(q, layer.qNorm, rmsNormEps);
    if (layer.kNorm) k = rmsNorm(k, layer.kNorm, rmsNormEps);
    rotation.turn(q, heads);
    rotation.turn(k, kvHeads);
    kv.store(batch.slots, k, linear(input, layer.v));
    return linear(attention(q, kv, batch, this.config, this.blockSize), layer.o);
  }

  dispose(): void {
    this.#kv = [];
  }
}
