import { UsageError } from '../core/errors.ts';
import type { BackendName } from '../engine/create-runner.ts';
import type { BackendFlags } from './backend-flags.ts';

/** What will run the model. */
export interface ChosenBackend {
  readonly backend: BackendName;
  /** WebGPU: what `LLM.load` takes. */
  readonly adapter?: string | number | undefined;
  /** What it runs on, by name. */
  readonly device: string;
  readonly dtype: 'f16' | 'f32';
  /** Why it is not what might have been expected, in a sentence. */
  readonly remark?: string;
}

/** The reference computes on the CPU, and in f32. */
const reference = { backend: 'reference', device: 'the CPU', dtype: 'f32' } as const;

/**
 * The backend that the flags name, or else WebGPU where there is a GPU. A GPU that is software is taken only when it
 * is asked for: on a CPU the plain reference was measured 17 times as fast as SwiftShader.
 * @throws UsageError for a GPU that is not there, and for flags that contradict each other.
 */
export async function chooseBackend(flags: BackendFlags): Promise<ChosenBackend> {
  if (flags.backend === 'reference') {
    refuseGpuFlags(flags);
    return reference;
  }
  const { adapterName, listAdapters, pickAdapter } = await import('../backends/webgpu/adapters.ts');
  const onGpu = (adapter: GPUAdapter, choice: string | number | undefined): ChosenBackend => {
    const dtype = flags.dtype ?? (adapter.features.has('shader-f16') ? 'f16' : 'f32');
    return { backend: 'webgpu', adapter: choice, device: adapterName(adapter.info), dtype };
  };
  const dawn = { unsafeFast: flags.unsafeFast };
  if (needsGpu(flags)) return onGpu(await pickAdapter(flags.adapter, dawn), flags.adapter);

  let adapters: readonly GPUAdapter[];
  try {
    adapters = await listAdapters(dawn);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return instead(error.message);
  }
  const index = adapters.findIndex(adapter => !isSoftware(adapter.info));
  if (index >= 0) return onGpu(adapters[index]!, index);
  const [software] = adapters;
  if (!software) return instead('no GPU found (quire gpus --probe says what WebGPU needs)');
  const name = adapterName(software.info);
  return instead(`the only GPU is software (${name}), which is slower; --backend webgpu takes it`);
}

/** The same, and on stderr why it is not what might have been expected. */
export async function announceBackend(flags: BackendFlags): Promise<ChosenBackend> {
  const chosen = await chooseBackend(flags);
  if (chosen.remark !== undefined) process.stderr.write(`quire: ${chosen.remark}\n`);
  return chosen;
}

/** Whether the flags make sense with a GPU only. */
function needsGpu({ backend, adapter, dtype, unsafeFast }: BackendFlags): boolean {
  return [backend, adapter, unsafeFast].some(flag => flag !== undefined) || dtype === 'f16';
}

function instead(why: string): ChosenBackend {
  return { ...reference, remark: `using the reference backend, on the CPU: ${why}` };
}

function refuseGpuFlags({ adapter, dtype, unsafeFast, tune }: BackendFlags): void {
  const given = {
    '--adapter': adapter,
    '--unsafe-fast': unsafeFast,
    '--no-tune': tune === false ? tune : undefined,
  };
  const idle = Object.entries(given).find(([, value]) => value !== undefined);
  if (idle) {
    throw new UsageError(
      `${idle[0]} has no effect on the reference backend, which uses no GPU; leave it out, or use --backend webgpu`,
    );
  }
  if (dtype === 'f16') {
    throw new UsageError('--dtype f16: the reference backend computes in f32; use --backend webgpu');
  }
}

/** Not in TypeScript's own types of WebGPU yet. */
export function isSoftware(info: GPUAdapterInfo): boolean {
  return (info as { readonly isFallbackAdapter?: boolean }).isFallbackAdapter ?? false;
}
