import { quoted, UsageError } from '../../core/errors.ts';
import { type DawnOptions, openDawn } from './dawn.ts';
import { mayHaveAdapter } from './vulkan-driver.ts';

/** Which adapter is meant: its place in the list of `listAdapters`, or a part of its name. */
export type AdapterChoice = string | number;

/** @returns the name that people know it by, with what the driver says of itself. */
export function adapterName(info: GPUAdapterInfo): string {
  const parts = [info.description, info.device, info.architecture, info.vendor].filter(part => part !== '');
  return [...new Set(parts)].join(', ');
}

/** WebGPU does not enumerate adapters; it has at most one for each of these wishes. */
const WISHES: readonly GPURequestAdapterOptions[] = [
  { powerPreference: 'high-performance' },
  { powerPreference: 'low-power' },
  { forceFallbackAdapter: true },
];

/** Distinct adapters, the fastest first. An adapter makes one device, so every call asks anew. */
export async function listAdapters(options: DawnOptions = {}): Promise<readonly GPUAdapter[]> {
  const gpu = await openDawn(options);
  if (options.backend === undefined && !(await mayHaveAdapter())) return [];
  const found = new Map<string, GPUAdapter>();
  for (const wish of WISHES) {
    const adapter = await request(gpu, wish);
    if (adapter && !found.has(adapterName(adapter.info))) found.set(adapterName(adapter.info), adapter);
  }
  return [...found.values()];
}

/** @throws UsageError when there is no adapter, or none that is meant; it lists those there are. */
export async function pickAdapter(
  choice: AdapterChoice | undefined,
  options: DawnOptions,
): Promise<GPUAdapter> {
  const adapters = await listAdapters(options);
  if (adapters.length === 0) {
    throw new UsageError(
      'no GPU found: WebGPU needs a Vulkan driver (Linux: the GPU driver and libvulkan1; software: set VK_ICD_FILENAMES to a SwiftShader), or use the reference backend',
    );
  }
  if (choice === undefined) return adapters[0]!;
  const index = typeof choice === 'number' ? choice : /^\d+$/.test(choice) ? Number(choice) : undefined;
  const picked =
    index !== undefined ? adapters[index] : ((await byName(adapters, String(choice), options)) ?? undefined);
  if (picked) return picked;
  const list = adapters.map((adapter, i) => `${i}: ${adapterName(adapter.info)}`).join('; ');
  throw new UsageError(`there is no adapter ${quoted(choice)}: there are ${list}`);
}

async function byName(
  adapters: readonly GPUAdapter[],
  name: string,
  options: DawnOptions,
): Promise<GPUAdapter | null> {
  const wanted = name.toLowerCase();
  const listed = adapters.find(adapter => adapterName(adapter.info).toLowerCase().includes(wanted));
  if (listed) return listed;
  // Dawn knows all adapters of the machine, also those that no wish of WebGPU leads to.
  return await request(await openDawn({ ...options, adapter: name }));
}

/** Where an instance was opened for one name only, Dawn does not answer null for none, but throws. */
async function request(gpu: GPU, wish: GPURequestAdapterOptions = {}): Promise<GPUAdapter | null> {
  return await gpu.requestAdapter(wish).catch(() => null);
}
