import { UsageError } from '../../core/errors.ts';
import { type Bytes, MiB } from '../../core/units.ts';
import type { Tensor, Weights } from '../model/weights.ts';
import type { GpuDevice } from './device.ts';
import type { GpuMemory } from './gpu-memory.ts';
import { Kernel } from './kernel.ts';
import { CONVERT_FIELDS, convertGrid, convertShader, type FileDtype } from './kernels/convert.ts';
import { type Dtype, formatOf } from './kernels/storage.ts';
import { USAGE } from './usage.ts';

/** A piece of a tensor on its way; what the driver holds of it beside the buffer is bounded by it. */
const PIECE: Bytes = 64 * MiB;
const ELEMENT_BYTES: Record<FileDtype, Bytes> = { F32: 4, F16: 2, BF16: 2 };

/** Where rows of a tensor go in its buffer. */
export interface Placement {
  readonly buffer: GPUBuffer;
  readonly dtype: Dtype;
  /** Elements of a row of the buffer; a multiple of 8. */
  readonly width: number;
  readonly firstRow?: number | undefined;
  readonly rowStep?: number | undefined;
}

/** Puts tensors by name to where they belong on the GPU. */
export interface WeightSource {
  /** @throws UsageError when the tensor is missing or is not of the shape that `config.json` speaks of. */
  upload(name: string, shape: readonly number[], to: Placement): Promise<void>;
  /** Lets go of what was needed on the way. */
  finish(): void;
}

/** Brings tensors to the GPU piece by piece; each is converted there. */
export class WeightUpload implements WeightSource {
  readonly #gpu: GpuDevice;
  readonly #memory: GpuMemory;
  readonly #weights: Weights;
  readonly #kernels = new Map<string, Kernel>();
  #staging: GPUBuffer | undefined;
  #uniform: GPUBuffer | undefined;

  constructor(gpu: GpuDevice, memory: GpuMemory, weights: Weights) {
    this.#gpu = gpu;
    this.#memory = memory;
    this.#weights = weights;
  }

  async upload(name: string, shape: readonly number[], to: Placement): Promise<void> {
    const tensor = await this.#weights.read(name);
    if (tensor.shape.join() !== shape.join()) {
      throw new UsageError(
        `tensor ${name} is [${tensor.shape.join(', ')}], and config.json makes it [${shape.join(', ')}]: the weights belong to another model`,
      );
    }
    const columns = shape.at(-1)!;
    const rows = shape.length === 1 ? 1 : shape[0]!;
    const rowBytes = columns * ELEMENT_BYTES[tensor.dtype];
    // Even, so that pieces begin at whole words also where a row is an odd number of f16.
    const perPiece = Math.max(2, Math.floor(PIECE / rowBytes / 2) * 2);
    for (let row = 0; row < rows; row += perPiece) {
      const count = Math.min(perPiece, rows - row);
      const bytes = tensor.bytes.subarray(row * rowBytes, (row + count) * rowBytes);
      await this.#convert(tensor, bytes, row, count, columns, to);
    }
  }

  finish(): void {
    for (const buffer of [this.#staging, this.#uniform]) if (buffer) this.#memory.free(buffer);
    this.#staging = this.#uniform = undefined;
  }

  async #convert(
    { dtype }: Tensor,
    bytes: Uint8Array,
    row: number,
    rows: number,
    columns: number,
    to: Placement,
  ): Promise<void> {
    const { device } = this.#gpu;
    const staging = await this.#stage(bytes.byteLength);
    const units = to.width / formatOf(to.dtype).width;
    const step = to.rowStep ?? 1;
    const params = { rows, columns, units, first_row: (to.firstRow ?? 0) + row * step, row_step: step };
    this.#uniform ??= await this.#memory.allocate('parameters of conversion', 32, USAGE.uniform);
    device.queue.writeBuffer(staging, 0, wholeWords(bytes));
    device.queue.writeBuffer(
      this.#uniform,
      0,
      Uint32Array.from(CONVERT_FIELDS, field => params[field]),
    );
    const kernel = await this.#kernel(dtype, to.dtype);
    kernel.forgetBuffers();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    const buffers = { convert: this.#uniform, source: staging, target_units: to.buffer };
    kernel.dispatch(pass, 0, () => buffers, convertGrid(rows * units));
    pass.end();
    device.queue.submit([encoder.finish()]);
    // Without a wait here the driver would gather copies of all weights before it begins.
    await device.queue.onSubmittedWorkDone().catch(failure => this.#gpu.explain(failure));
    this.#gpu.check();
  }

  async #stage(bytes: Bytes): Promise<GPUBuffer> {
    if (this.#staging && this.#staging.size >= bytes) return this.#staging;
    if (this.#staging) this.#memory.free(this.#staging);
    this.#staging = await this.#memory.allocate('staging of weights', bytes);
    return this.#staging;
  }

  async #kernel(from: FileDtype, to: Dtype): Promise<Kernel> {
    const key = `${from} ${to}`;
    const known = this.#kernels.get(key);
    if (known) return known;
    const kernel = await Kernel.compile(this.#gpu, convertShader(from, to));
    this.#kernels.set(key, kernel);
    return kernel;
  }
}

/** Uploads are of whole words, and Dawn does not survive views of shared memory. */
function wholeWords(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength % 4 === 0 && bytes.buffer instanceof ArrayBuffer)
    return bytes as Uint8Array<ArrayBuffer>;
  const copy = new Uint8Array(Math.ceil(bytes.byteLength / 4) * 4);
  copy.set(bytes);
  return copy;
}
