import type { GpuDevice } from './device.ts';
import type { Access, Grid, Shader } from './kernels/shader.ts';
import { COMPUTE_STAGE } from './usage.ts';

const BUFFER_TYPE: Record<Access, GPUBufferBindingType> = {
  uniform: 'uniform',
  read: 'read-only-storage',
  read_write: 'storage',
};

/** A compiled shader, and its bind groups so far. */
export class Kernel {
  readonly shader: Shader;
  readonly #device: GPUDevice;
  readonly #pipeline: GPUComputePipeline;
  readonly #layout: GPUBindGroupLayout;
  #groups: GPUBindGroup[] = [];

  private constructor(
    device: GPUDevice,
    shader: Shader,
    pipeline: GPUComputePipeline,
    layout: GPUBindGroupLayout,
  ) {
    this.shader = shader;
    this.#device = device;
    this.#pipeline = pipeline;
    this.#layout = layout;
  }

  /** @throws Error that names the kernel: a shader that a device refuses is a bug of ours. */
  static async compile({ device }: GpuDevice, shader: Shader): Promise<Kernel> {
    device.pushErrorScope('validation');
    const module = device.createShaderModule({ label: shader.name, code: shader.code });
    const refused = device.popErrorScope();
    // Not derived from the shader, as a layout made that way lacks what a variant happens not to use.
    const layout = device.createBindGroupLayout({
      label: shader.name,
      entries: shader.bindings.map(({ access }, binding) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type: BUFFER_TYPE[access] },
      })),
    });
    try {
      const pipeline = await device.createComputePipelineAsync({
        label: shader.name,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      });
      return new Kernel(device, shader, pipeline, layout);
    } catch (error) {
      const reason = (await refused)?.message ?? (error instanceof Error ? error.message : String(error));
      throw new Error(`kernel "${shader.name}" does not compile: ${reason}`);
    }
  }

  /**
   * @param use the same buffers bear the same number: a layer, say. Making a bind group costs more than a dispatch.
   */
  dispatch(
    pass: GPUComputePassEncoder,
    use: number,
    buffers: () => Readonly<Record<string, GPUBuffer | undefined>>,
    [x, y, z]: Grid,
  ): void {
    if (x * y * z === 0) return;
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, (this.#groups[use] ??= this.#bind(buffers())));
    pass.dispatchWorkgroups(x, y, z);
  }

  /** Buffers have been replaced. */
  forgetBuffers(): void {
    this.#groups = [];
  }

  #bind(buffers: Readonly<Record<string, GPUBuffer | undefined>>): GPUBindGroup {
    return this.#device.createBindGroup({
      label: this.shader.name,
      layout: this.#layout,
      entries: this.shader.bindings.map(({ name }, binding) => {
        const buffer = buffers[name];
        if (!buffer) throw new Error(`kernel "${this.shader.name}" is not given its "${name}"`);
        return { binding, resource: { buffer } };
      }),
    });
  }
}
