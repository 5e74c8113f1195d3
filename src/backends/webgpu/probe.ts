import { type Bytes, MiB, type Seconds } from '../../core/units.ts';
import { defaultCache } from '../model/hub/model-cache.ts';
import { adapterName, listAdapters } from './adapters.ts';
import { measureBandwidth } from './bandwidth.ts';
import type { DawnOptions } from './dawn.ts';
import { GpuDevice } from './device.ts';
import type { Dtype } from './kernels/storage.ts';
import { TYPICAL } from './linear/linear-op.ts';
import { chooseVariant, variantBounds } from './linear/linear-variants.ts';
import type { DeviceTraits, SubgroupMatrix } from './traits.ts';
import type { Refusal } from './tune.ts';
import { knownTuning } from './tuning-file.ts';

/** What an adapter is, what was measured on it, and what would be used. */
export interface AdapterProbe {
  /** What `--adapter` takes. */
  readonly index: number;
  readonly name: string;
  readonly software: boolean;
  readonly features: readonly string[];
  /** Those that kernels here depend on. */
  readonly limits: {
    readonly storageBinding: Bytes;
    readonly buffer: Bytes;
    readonly workgroupMemory: Bytes;
    readonly invocations: number;
    readonly storageBuffers: number;
  };
  readonly subgroupSize: number | undefined;
  readonly matrices: readonly SubgroupMatrix[];
  /** Bytes per second, read plus written, of a copy. */
  readonly copyBandwidth: number;
  readonly plan: ProbePlan;
  /** What was found out when models were loaded on it, with bounds checks as they are here; null: none was yet. */
  readonly tuning: ProbeTuning | null;
}

export interface ProbeTuning {
  /** Kinds of layers that were tried. */
  readonly layers: number;
  /** Kernels that are not used for them. */
  readonly refusals: readonly Refusal[];
}

export interface ProbeOptions extends DawnOptions {
  /** Where tunings are remembered. Default: in the cache. */
  readonly folder?: string | undefined;
}

export interface ProbePlan {
  readonly dtype: Dtype;
  /** Kernels of linear layers, each from so many rows on. */
  readonly linear: readonly { readonly rows: number; readonly variant: string }[];
  /** Why, in sentences. */
  readonly reasons: readonly string[];
}

/** Larger than any cache; small where a CPU does the copying. */
const PROBE_BYTES = { gpu: 512 * MiB, software: 4 * MiB };

/**
 * Opens each adapter, asks it and measures it.
 * @param now a clock, for adapters without timestamps.
 */
export async function probeAdapters(
  now: () => Seconds,
  { folder = defaultCache(), ...options }: ProbeOptions = {},
): Promise<readonly AdapterProbe[]> {
  const probes: AdapterProbe[] = [];
  const adapters = await listAdapters(options);
  for (const [index, { info }] of adapters.entries()) {
    const gpu = await GpuDevice.open({ ...options, adapter: index });
    try {
      const { traits, device, software } = gpu;
      probes.push({
        index,
        name: adapterName(info),
        software,
        features: [...gpu.features].sort(),
        limits: {
          storageBinding: device.limits.maxStorageBufferBindingSize,
          buffer: device.limits.maxBufferSize,
          workgroupMemory: traits.workgroupStorage,
          invocations: traits.maxInvocations,
          storageBuffers: device.limits.maxStorageBuffersPerShaderStage,
        },
        subgroupSize: traits.subgroupSize,
        matrices: traits.subgroupMatrices,
        copyBandwidth: await measureBandwidth(gpu, software ? PROBE_BYTES.software : PROBE_BYTES.gpu, now),
        plan: planFor(traits),
        tuning: await tuningFound(gpu, folder),
      });
    } finally {
      gpu.destroy();
    }
  }
  return probes;
}

async function tuningFound(gpu: GpuDevice, folder: string): Promise<ProbeTuning | null> {
  const { fastest, refusals } = await knownTuning(gpu, folder);
  const layers = Object.keys(fastest).length;
  return layers > 0 ? { layers, refusals } : null;
}

/** What a device with these traits would be used with. */
export function planFor(traits: DeviceTraits): ProbePlan {
  const dtype = traits.shaderF16 ? 'f16' : 'f32';
  const linear: { rows: number; variant: string }[] = [];
  for (const rows of variantBounds()) {
    const variant = chooseVariant({ ...TYPICAL, dtype }, rows, traits).name;
    if (linear.at(-1)?.variant !== variant) linear.push({ rows, variant });
  }
  const { subgroupSize, subgroupMatrices } = traits;
  return {
    dtype,
    linear,
    reasons: [
      traits.shaderF16
        ? 'f16 for weights, KV and activations: half the bytes; sums are in f32'
        : 'f32, as the adapter has no shader-f16; --dtype f16 has half the bytes, and they are unpacked',
      subgroupSize === undefined
        ? 'sums through workgroup memory, as there are no subgroups of a fixed size'
        : `sums over subgroups of ${subgroupSize}`,
      subgroupMatrices.length === 0
        ? 'products of tiles without matrix units, as the adapter offers none'
        : `the adapter offers ${subgroupMatrices.length} shapes of subgroup matrices`,
      traits.robust
        ? 'bounds checks are on; --unsafe-fast takes them off'
        : 'bounds checks are off: a wrong index corrupts memory',
    ],
  };
}
