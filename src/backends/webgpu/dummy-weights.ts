import type { GpuDevice } from './device.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { Kernel } from './kernel.ts';
import { CONVERT_FIELDS, convertGrid } from './kernels/convert.ts';
import { dummyWeightsShader } from './kernels/dummy.ts';
import { type Dtype, formatOf } from './kernels/storage.ts';
import { USAGE } from './usage.ts';
import type { Placement, WeightSource } from './weight-upload.ts';

/**
 * Random weights made on the GPU, of any shape, at once: for measurements (vLLM's load format `dummy`). Matrices are
 * scaled so that activations neither vanish nor overflow; vectors, which are gains of norms, are one.
 */
export class DummyWeights implements WeightSource {
  readonly #gpu: GpuDevice;
  readonly #memory: GpuMemory;
  readonly #kernels = new Map<Dtype, Kernel>();
  #uniform: GPUBuffer | undefined;
  #seed = 1;

  constructor(gpu: GpuDevice, memory: GpuMemory) {
    this.#gpu = gpu;
    this.#memory = memory;
  }

  async upload(_: string, shape: readonly number[], to: Placement): Promise<void> {
    const { device } = this.#gpu;
    const columns = shape.at(-1)!;
    const rows = shape.length === 1 ? 1 : shape[0]!;
    const units = to.width / formatOf(to.dtype).width;
    const params = { rows, columns, units, first_row: to.firstRow ?? 0, row_step: to.rowStep ?? 1 };
    this.#uniform ??= await this.#memory.allocate('parameters of dummy weights', 32, USAGE.uniform);
    const words = Uint32Array.from([...CONVERT_FIELDS.map(field => params[field]), this.#seed++, 0, 0]);
    // Uniform over ±√(3 / n) has the variance 1 / n.
    new Float32Array(words.buffer)[6] = shape.length === 1 ? 0 : Math.sqrt(3 / columns);
    device.queue.writeBuffer(this.#uniform, 0, words);
    const kernel = await this.#kernel(to.dtype);
    kernel.forgetBuffers();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const buffers = { dummy: this.#uniform, target_units: to.buffer };
    kernel.dispatch(pass, 0, () => buffers, convertGrid(rows * units));
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  finish(): void {
    if (this.#uniform) this.#memory.free(this.#uniform);
    this.#uniform = undefined;
  }

  async #kernel(dtype: Dtype): Promise<Kernel> {
    const known = this.#kernels.get(dtype);
    if (known) return known;
    const kernel = await Kernel.compile(this.#gpu, dummyWeightsShader(dtype));
    this.#kernels.set(dtype, kernel);
    return kernel;
  }
}
