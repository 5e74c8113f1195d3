import type { Seconds } from '../../core/units.ts';
import type { GpuDevice } from './device.ts';
import { MAP_READ, USAGE } from './usage.ts';

/** Timestamps that one query set has at most, by the specification. */
const MOST = 4096;

/** How long the dispatches of one kernel took in a forward pass. */
export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  readonly seconds: Seconds;
}

/**
 * Stands in for a compute pass and gives each dispatch a pass of its own, with timestamps around it. Kernels then
 * cannot overlap, so that the times add up to a little more than the whole takes.
 */
export class PassProfile {
  readonly #gpu: GpuDevice;
  readonly #encoder: GPUCommandEncoder;
  readonly #names: string[] = [];
  readonly #querySet: GPUQuerySet;
  #pipeline: GPUComputePipeline | undefined;
  #group: GPUBindGroup | null = null;

  constructor(gpu: GpuDevice, encoder: GPUCommandEncoder) {
    this.#gpu = gpu;
    this.#encoder = encoder;
    this.#querySet = gpu.device.createQuerySet({ type: 'timestamp', count: MOST });
  }

  /** What `Kernel.dispatch` needs of a pass. */
  get pass(): GPUComputePassEncoder {
    return {
      setPipeline: (pipeline: GPUComputePipeline) => {
        this.#pipeline = pipeline;
      },
      setBindGroup: (_: number, group: GPUBindGroup) => {
        this.#group = group;
      },
      dispatchWorkgroups: (x: number, y: number, z: number) => this.#dispatch(x, y, z),
    } as unknown as GPUComputePassEncoder;
  }

  #dispatch(x: number, y: number, z: number): void {
    const at = 2 * this.#names.length;
    this.#names.push(this.#pipeline!.label);
    const timed = at + 2 <= MOST;
    const pass = this.#encoder.beginComputePass({
      ...(timed && {
        timestampWrites: {
          querySet: this.#querySet,
          beginningOfPassWriteIndex: at,
          endOfPassWriteIndex: at + 1,
        },
      }),
    });
    pass.setPipeline(this.#pipeline!);
    pass.setBindGroup(0, this.#group);
    pass.dispatchWorkgroups(x, y, z);
    pass.end();
  }

  /** Submits what was encoded, and answers once the GPU is done: kernels by name, the longest first. */
  async finish(): Promise<readonly KernelTime[]> {
    const { device } = this.#gpu;
    const count = Math.min(this.#names.length * 2, MOST);
    const resolved = device.createBuffer({ size: 8 * MOST, usage: USAGE.queryResolve | USAGE.copySrc });
    const reader = device.createBuffer({ size: 8 * MOST, usage: USAGE.mapRead | USAGE.copyDst });
    this.#encoder.resolveQuerySet(this.#querySet, 0, count, resolved, 0);
    this.#encoder.copyBufferToBuffer(resolved, 0, reader, 0, 8 * count);
    device.queue.submit([this.#encoder.finish()]);
    await reader.mapAsync(MAP_READ);
    const stamps = new BigUint64Array(reader.getMappedRange());
    const times = new Map<string, { dispatches: number; seconds: Seconds }>();
    for (const [i, name] of this.#names.slice(0, count / 2).entries()) {
      const entry = times.get(name) ?? { dispatches: 0, seconds: 0 };
      entry.dispatches++;
      entry.seconds += Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e9;
      times.set(name, entry);
    }
    reader.destroy();
    resolved.destroy();
    this.#querySet.destroy();
    this.#gpu.check();
    return [...times].map(([kernel, time]) => ({ kernel, ...time })).sort((a, b) => b.seconds - a.seconds);
  }
}
