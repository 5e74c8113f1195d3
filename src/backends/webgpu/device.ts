import { UsageError } from '../../core/errors.ts';
import { type AdapterChoice, adapterName, pickAdapter } from './adapters.ts';
import { DeviceLost } from './device-lost.ts';
import { BRISK, waitPatiently } from './patience.ts';
import { type DeviceTraits, traitsOf } from './traits.ts';

export interface DeviceOptions {
  readonly adapter?: AdapterChoice | undefined;
  /** See `DawnOptions`. */
  readonly backend?: 'null' | undefined;
  readonly unsafeFast?: boolean | undefined;
  readonly toggles?: readonly string[] | undefined;
}

/** Enabled where the adapter has them; kernels ask the traits which they may use. */
const FEATURES = [
  'shader-f16',
  'subgroups',
  'subgroup-size-control',
  'chromium-experimental-subgroup-matrix',
  'timestamp-query',
];

/** Raised to what the adapter has; WebGPU's defaults are those of a phone. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/** An open GPU: the device, what it can do, and whether it is still there. */
export class GpuDevice {
  readonly device: GPUDevice;
  readonly name: string;
  readonly features: ReadonlySet<string>;
  readonly traits: DeviceTraits;
  /** There is no GPU: the CPU stands in for one. */
  readonly software: boolean;
  /** Rejects with `DeviceLost`; never resolves. */
  readonly lost: Promise<never>;
  readonly #impatient: () => void;
  #lost: DeviceLost | undefined;
  #fault: Error | undefined;

  private constructor(device: GPUDevice, info: GPUAdapterInfo, robust: boolean) {
    this.device = device;
    this.name = adapterName(info);
    this.features = new Set(device.features as Iterable<string>);
    this.software = (info as { isFallbackAdapter?: boolean }).isFallbackAdapter ?? false;
    this.traits = traitsOf(info, this.features, device.limits, robust);
    // Software needs the core that would look.
    this.#impatient = waitPatiently(this.software ? 0 : BRISK);
    this.lost = device.lost.then(({ reason, message }) => {
      const why = message.split('\n')[0];
      this.#lost = new DeviceLost(`the GPU (${this.name}) was lost: ${reason}${why ? `, ${why}` : ''}`);
      throw this.#lost;
    });
    this.lost.catch(() => undefined);
    device.onuncapturederror = ({ error }) => {
      this.#fault ??= new Error(`${this.name}: ${error.message}`);
    };
  }

  /** @throws UsageError when there is no such adapter, or it gives no device. */
  static async open(options: DeviceOptions = {}): Promise<GpuDevice> {
    const { backend, unsafeFast, toggles } = options;
    const adapter = await pickAdapter(options.adapter, { backend, unsafeFast, toggles });
    const { info } = adapter;
    const available = new Set(adapter.features as Iterable<string>);
    const limits = Object.fromEntries(LIMITS.map(name => [name, adapter.limits[name]]));
    try {
      const device = await adapter.requestDevice({
        requiredFeatures: FEATURES.filter(name => available.has(name)) as GPUFeatureName[],
        requiredLimits: limits,
      });
      return new GpuDevice(device, info, !unsafeFast);
    } catch (error) {
      const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
      throw new UsageError(`${adapterName(info)} gives no device (${reason}): choose another adapter`);
    }
  }

  /** @throws DeviceLost once the device is gone, or the first error that Dawn found in our own commands. */
  check(): void {
    if (this.#lost) throw this.#lost;
    if (this.#fault) throw this.#fault;
  }

  /** What a failed wait on this device means: its loss, where it is lost, and else the failure itself. */
  async explain(error: unknown): Promise<never> {
    // The loss and the failures that it causes are reported in no fixed order.
    await Promise.race([this.lost, this.device.queue.onSubmittedWorkDone().catch(() => undefined)]);
    this.check();
    throw error;
  }

  destroy(): void {
    this.device.destroy();
    this.#impatient();
  }
}
