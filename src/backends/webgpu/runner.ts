import { UsageError } from '../../core/errors.ts';
import { type Bytes, MiB, type Tokens } from '../../core/units.ts';
import type { ModelConfig } from '../model/config.ts';
import type { Weights } from '../model/weights.ts';
import type { Draw, Drawn, ModelRunner, TokenBatch } from '../model-runner.ts';
import { sampleToken } from '../sampling/sample.ts';
import { type ActivationOptions, Activations, activationBytes, grown, type StepSize } from './activations.ts';
import { tokensPerPrefill } from './attention/attention-kernels.ts';
import { AttentionPlanner } from './attention/work-list.ts';
import type { GpuDevice } from './device.ts';
import { DummyWeights } from './dummy-weights.ts';
import { forwardPieces } from './forward.ts';
import { GpuMemory } from './gpu-memory.ts';
import { type GpuModel, modelBytes, uploadModel } from './gpu-model.ts';
import { attentionShape, KernelSet } from './kernel-set.ts';
import { NO_TOKEN } from './kernels/sample.ts';
import { allocateKv, blocksWithin, type KvLayer } from './kv-cache.ts';
import { type KernelTime, PassProfile } from './pass-profile.ts';
import { type Readback, ReadbackRing } from './readback-ring.ts';
import { type RunnerOptions, runnerSettings } from './runner-options.ts';
import { drawsOnGpu, type StepUpload, stepUpload } from './step-upload.ts';
import { WeightUpload } from './weight-upload.ts';

/** Attention workgroups that keep any GPU busy: several for each multiprocessor of the largest. */
const WORKGROUPS = 1024;
/** Words of an upload that leave room for the block tables of many long sequences. */
const UPLOAD: Bytes = MiB;

interface RunnerParts {
  readonly gpu: GpuDevice;
  readonly memory: GpuMemory;
  readonly config: ModelConfig;
  readonly kernels: KernelSet;
  readonly planner: AttentionPlanner;
  readonly model: GpuModel;
  readonly kv: readonly KvLayer[];
  readonly activations: Activations;
  readonly activationOptions: ActivationOptions;
  readonly shape: ReturnType<typeof attentionShape>;
  readonly numBlocks: number;
}

/** A model on a GPU. */
export class WebGpuRunner implements ModelRunner {
  readonly config: ModelConfig;
  readonly blockSize: Tokens;
  readonly numBlocks: number;
  readonly kernels: KernelSet;
  readonly #parts: RunnerParts;
  readonly #ring: ReadbackRing;
  #activations: Activations;
  /** Steps are encoded in the order in which they came. */
  #encoded: Promise<unknown> = Promise.resolve();

  private constructor(parts: RunnerParts) {
    this.config = parts.config;
    this.blockSize = parts.shape.blockSize;
    this.numBlocks = parts.numBlocks;
    this.kernels = parts.kernels;
    this.#parts = parts;
    this.#activations = parts.activations;
    this.#ring = new ReadbackRing(parts.gpu);
  }

  /**
   * Compiles the kernels, uploads the weights and allocates the KV cache.
   * @param weights `dummy`: random ones of the right shapes, to measure with.
   * @throws UsageError when the model's shape, the options or the GPU's memory do not allow it.
   */
  static async create(
    gpu: GpuDevice,
    config: ModelConfig,
    weights: Weights | 'dummy',
    options: RunnerOptions,
  ): Promise<WebGpuRunner> {
    const settings = runnerSettings(options);
    const { dtype, blockSize, maxBatchedTokens, maxSeqs } = settings;
    const memory = new GpuMemory(gpu);
    try {
      const { prefer, portable } = options;
      const kernelOptions = { config, dtype, blockSize, prefer, portable };
      const shape = attentionShape(kernelOptions);
      const perItem = tokensPerPrefill(shape, gpu.traits, portable?.includes('prefill'));
      const planner = new AttentionPlanner(shape, perItem, WORKGROUPS);
      const size = { tokens: maxBatchedTokens, outputs: maxSeqs, draws: maxSeqs, words: UPLOAD / 4 };
      const kernels = new KernelSet(gpu, kernelOptions);
      const scratchBytes = (rows: number) =>
        Math.max(...Object.values(kernels.linear).map(linear => linear.scratchBytes(rows)));
      const activationOptions = { config, dtype, partials: planner.maxPartials, scratchBytes };
      const working = Object.values(activationBytes(size, activationOptions)).reduce(
        (sum, bytes) => sum + bytes,
        0,
      );
      const taken = modelBytes(config, dtype) + working;
      const numBlocks =
        settings.numBlocks ?? blocksWithin(settings.memory!, taken, gpu, config, dtype, blockSize);
      if (settings.compileAhead) await kernels.prepareUpTo(maxBatchedTokens, maxSeqs);
      const source =
        weights === 'dummy' ? new DummyWeights(gpu, memory) : new WeightUpload(gpu, memory, weights);
      const model = await uploadModel(gpu, memory, config, source, dtype, options.progress);
      const activations = await Activations.allocate(memory, size, activationOptions);
      const kv = await allocateKv(memory, config, dtype, blockSize, numBlocks);
      const built = { kernels, planner, model, kv, activations, activationOptions, shape, numBlocks };
      return new WebGpuRunner({ gpu, memory, config, ...built });
    } catch (error) {
      memory.destroy();
      throw error;
    }
  }

  /** Bytes of GPU memory that weights, activations and KV take. */
  get memoryUsed(): Bytes {
    return this.#parts.memory.used;
  }

  feeds(draw: Draw): boolean {
    return drawsOnGpu(draw);
  }

  async run(batch: TokenBatch): Promise<readonly Drawn[]> {
    const submitted = this.#encoded.then(() => this.#submit(batch));
    this.#encoded = submitted.catch(() => undefined);
    const { step, readback } = await submitted;
    return await readback.read(bytes => this.#drawn(batch, step, bytes));
  }

  /** Runs a batch with each kernel timed; draws are not read. The device must have timestamps. */
  async profile(batch: TokenBatch): Promise<readonly KernelTime[]> {
    const { gpu } = this.#parts;
    const step = await this.#prepare(batch);
    const encoder = gpu.device.createCommandEncoder();
    const profile = new PassProfile(gpu, encoder);
    const state = { ...this.#parts, activations: this.#activations };
    for (const encode of forwardPieces(state, step)) encode(profile.pass);
    return await profile.finish();
  }

  dispose(): void {
    this.#ring.destroy();
    this.#parts.memory.destroy();
  }

  /** Uploads a step that the kernels and buffers are made ready for. */
  async #prepare(batch: TokenBatch): Promise<StepUpload> {
    const { gpu, planner } = this.#parts;
    gpu.check();
    const step = stepUpload(batch, planner);
    const { outputs, draws, tokens } = step.counts;
    await this.kernels.prepare(step.counts);
    await this.#makeRoom({ tokens, outputs, draws, words: step.words.length });
    const { buffers } = this.#activations;
    const { queue } = gpu.device;
    queue.writeBuffer(buffers.step, 0, step.uniform);
    queue.writeBuffer(buffers.batch, 0, step.words);
    return step;
  }

  async #submit(batch: TokenBatch): Promise<{ step: StepUpload; readback: Readback }> {
    const { gpu } = this.#parts;
    const step = await this.#prepare(batch);
    const { draws } = step.counts;
    const { buffers } = this.#activations;
    const { queue } = gpu.device;
    for (const encode of forwardPieces({ ...this.#parts, activations: this.#activations }, step)) {
      const encoder = gpu.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      encode(pass);
      pass.end();
      queue.submit([encoder.finish()]);
    }
    const encoder = gpu.device.createCommandEncoder();
    const logitBytes = step.cpuRows * this.config.vocab * 4;
    const readback = this.#ring.take(Math.max(4, draws * 4 + logitBytes));
    if (draws > 0) encoder.copyBufferToBuffer(buffers.drawn, 0, readback.buffer, 0, draws * 4);
    if (logitBytes > 0) encoder.copyBufferToBuffer(buffers.logits, 0, readback.buffer, draws * 4, logitBytes);
    queue.submit([encoder.finish()]);
    return { step, readback };
  }

  /** Steps that are under way keep the old buffers until they are done; what they draw is carried over. */
  async #makeRoom(size: StepSize): Promise<void> {
    if (this.#activations.holds(size)) return;
    const { gpu, memory, activationOptions, kernels } = this.#parts;
    const before = this.#activations.size;
    const { drawn } = this.#activations.buffers;
    this.#activations.free(memory, drawn);
    kernels.forgetBuffers();
    try {
      this.#activations = await Activations.allocate(memory, grown(before, size), activationOptions);
    } catch (error) {
      // This step is too large; the next may not be.
      this.#activations = await Activations.allocate(memory, before, activationOptions);
      throw error;
    } finally {
      const encoder = gpu.device.createCommandEncoder();
      encoder.copyBufferToBuffer(drawn, 0, this.#activations.buffers.drawn, 0, before.draws * 4);
      gpu.device.queue.submit([encoder.finish()]);
      memory.free(drawn);
    }
  }

  #drawn({ draws }: TokenBatch, { logitRows, cpuRows }: StepUpload, bytes: ArrayBuffer): readonly Drawn[] {
    const { vocab } = this.config;
    const tokens = new Uint32Array(bytes, 0, draws.length);
    return draws.map((draw, i) => {
      const row = logitRows[i]!;
      if (row < cpuRows && !drawsOnGpu(draw)) {
        return sampleToken(new Float32Array(bytes, (draws.length + row * vocab) * 4, vocab), draw);
      }
      const token = tokens[i]!;
      if (token === NO_TOKEN) {
        throw new UsageError(
          'no logit is a number: the weights are damaged (fetch the model again), or f16 is too narrow for this model (use dtype f32)',
        );
      }
      return { token };
    });
  }
}
