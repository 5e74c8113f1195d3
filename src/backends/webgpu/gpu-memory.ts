import { UsageError } from '../../core/errors.ts';
import { type Bytes, GiB, MiB } from '../../core/units.ts';
import type { GpuDevice } from './device.ts';
import { USAGE } from './usage.ts';

/** Buffers of one model on one GPU, and what they take. */
export class GpuMemory {
  readonly #gpu: GpuDevice;
  readonly #buffers = new Set<GPUBuffer>();
  #used: Bytes = 0;

  constructor(gpu: GpuDevice) {
    this.#gpu = gpu;
  }

  get used(): Bytes {
    return this.#used;
  }

  /**
   * A buffer for kernels, zeroed.
   * @throws UsageError with the figures, when the GPU has no room or its kernels could not see all of it.
   */
  async allocate(label: string, bytes: Bytes, usage: number = USAGE.storage): Promise<GPUBuffer> {
    const { maxBinding } = this.#gpu.traits;
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    if (size > maxBinding) {
      throw new UsageError(
        `${label} needs ${sizeText(size)}, and a kernel on ${this.#gpu.name} sees at most ${sizeText(maxBinding)} of a buffer: use dtype f16, a smaller model, or fewer KV blocks`,
      );
    }
    const { device } = this.#gpu;
    device.pushErrorScope('out-of-memory');
    const buffer = device.createBuffer({ label, size, usage: usage | USAGE.copyDst | USAGE.copySrc });
    const error = await device.popErrorScope().catch(failure => this.#gpu.explain(failure));
    this.#gpu.check();
    if (error) {
      throw new UsageError(
        `${this.#gpu.name} is out of memory: ${label} needs ${sizeText(size)} beside the ${sizeText(this.#used)} already taken: lower gpuMemory, use dtype f16 or a smaller model`,
      );
    }
    this.#buffers.add(buffer);
    this.#used += size;
    return buffer;
  }

  free(buffer: GPUBuffer): void {
    if (!this.#buffers.delete(buffer)) return;
    this.#used -= buffer.size;
    buffer.destroy();
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#used = 0;
  }
}

export function sizeText(bytes: Bytes): string {
  return bytes >= GiB ? `${(bytes / GiB).toFixed(2)} GiB` : `${(bytes / MiB).toFixed(1)} MiB`;
}
