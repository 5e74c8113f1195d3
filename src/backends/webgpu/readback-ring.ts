import type { Bytes } from '../../core/units.ts';
import type { GpuDevice } from './device.ts';
import { waitAnew } from './patience.ts';
import { MAP_READ, USAGE } from './usage.ts';

/** Buffers that results come back through. Two steps in flight, and one that is being read. */
const SLOTS = 3;

interface Slot {
  buffer: GPUBuffer | undefined;
  busy: boolean;
}

/** Mapping a buffer takes longer than a step; so results of several steps may be on their way. */
export class ReadbackRing {
  readonly #gpu: GpuDevice;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ buffer: undefined, busy: false }));

  constructor(gpu: GpuDevice) {
    this.#gpu = gpu;
  }

  /** A free buffer of so many bytes; more than three when so many steps are in flight. */
  take(bytes: Bytes): Readback {
    const fits = ({ buffer }: Slot) => buffer !== undefined && buffer.size >= bytes;
    const free = this.#slots.filter(({ busy }) => !busy);
    let slot = free.find(fits) ?? free[0];
    if (!slot) {
      slot = { buffer: undefined, busy: false };
      this.#slots.push(slot);
    }
    if (!fits(slot)) {
      slot.buffer?.destroy();
      const size = Math.ceil(bytes / 256) * 256;
      slot.buffer = this.#gpu.device.createBuffer({
        label: 'readback',
        size,
        usage: USAGE.mapRead | USAGE.copyDst,
      });
    }
    slot.busy = true;
    return new Readback(this.#gpu, slot, bytes);
  }

  destroy(): void {
    for (const { buffer } of this.#slots) buffer?.destroy();
  }
}

/** A buffer taken from the ring until its bytes have been read. */
export class Readback {
  readonly #gpu: GpuDevice;
  readonly #slot: Slot;
  readonly #bytes: Bytes;

  constructor(gpu: GpuDevice, slot: Slot, bytes: Bytes) {
    this.#gpu = gpu;
    this.#slot = slot;
    this.#bytes = bytes;
  }

  get buffer(): GPUBuffer {
    return this.#slot.buffer!;
  }

  /** @throws DeviceLost when the device went away before. */
  async read<T>(use: (bytes: ArrayBuffer) => T): Promise<T> {
    const { buffer } = this;
    try {
      await buffer.mapAsync(MAP_READ, 0, Math.ceil(this.#bytes / 4) * 4);
      waitAnew();
      this.#gpu.check();
      return use(buffer.getMappedRange(0, Math.ceil(this.#bytes / 4) * 4));
    } catch (error) {
      return await this.#gpu.explain(error);
    } finally {
      if (buffer.mapState === 'mapped') buffer.unmap();
      this.#slot.busy = false;
    }
  }
}
