import { UsageError } from '../../core/errors.ts';

/** How Dawn is opened. An instance serves all adapters; its toggles hold for every device made from it. */
export interface DawnOptions {
  /** `null`: Dawn's backend that validates everything and computes nothing. */
  readonly backend?: 'null' | undefined;
  /** Only adapters whose driver's name contains this. */
  readonly adapter?: string | undefined;
  /**
   * No bounds checks and no validation: a wrong index corrupts memory instead of
   * reading zero. Off unless the user asks for it.
   */
  readonly unsafeFast?: boolean | undefined;
  /** More of Dawn's toggles, to measure what they do. */
  readonly toggles?: readonly string[] | undefined;
}

/** What the package `webgpu` exports. */
export interface DawnModule {
  create(flags: string[]): GPU;
}

/**
 * Subgroup matrices are experimental, and Dawn distrusts NVIDIA's f16 for its conformance tests only. Workgroup
 * memory is not zeroed, since kernels here write it before they read it: zeroing takes time on each dispatch, and
 * most of the time that SwiftShader's compiler takes.
 */
const ALWAYS = ['allow_unsafe_apis', 'vulkan_enable_f16_on_nvidia', 'disable_workgroup_init'];
const UNSAFE_FAST = ['disable_robustness', 'skip_validation'];

/**
 * Instances by their flags. They are never let go: once the object that `create` returned is collected, pending
 * promises of its devices hang or the process dies.
 */
const instances = new Map<string, GPU>();

/** @throws UsageError when the optional package `webgpu` is not installed or has no build for this machine. */
export async function openDawn(
  options: DawnOptions = {},
  load: () => Promise<DawnModule> = () => import('webgpu'),
): Promise<GPU> {
  const toggles = [...ALWAYS, ...(options.unsafeFast ? UNSAFE_FAST : []), ...(options.toggles ?? [])];
  const flags = [`enable-dawn-features=${toggles.join(',')}`];
  // Quantised timestamps are for web pages that must not be told the time.
  flags.push('disable-dawn-features=timestamp_quantization');
  if (options.backend !== undefined) flags.push(`backend=${options.backend}`);
  if (options.adapter !== undefined) flags.push(`adapter=${options.adapter}`);
  const key = flags.join(' ');
  const known = instances.get(key);
  if (known) return known;
  const gpu = (await loadModule(load)).create(flags);
  instances.set(key, gpu);
  return gpu;
}

async function loadModule(load: () => Promise<DawnModule>): Promise<DawnModule> {
  try {
    return await load();
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new UsageError(
      `the WebGPU backend needs the optional package "webgpu", which could not be loaded (${reason}): install it with "npm install webgpu", or use the reference backend`,
    );
  }
}
