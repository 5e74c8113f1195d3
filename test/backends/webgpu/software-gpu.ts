import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll } from 'vitest';
import { type DeviceOptions, GpuDevice } from '../../../src/backends/webgpu/device.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Where SwiftShader's description for the Vulkan loader may be. */
const PLACES = [
  join(root, 'node_modules/.cache/swiftshader/usr/lib/chromium/vk_swiftshader_icd.json'),
  '/usr/lib/chromium/vk_swiftshader_icd.json',
];

// At once: Dawn reads it when it first looks for adapters.
const found = PLACES.find(place => existsSync(place));
if (found !== undefined) process.env['VK_ICD_FILENAMES'] ??= found;

/**
 * A GPU that is software: SwiftShader, which computes what a GPU would on any machine. Tests that need it fail
 * where it is missing; they are never skipped.
 */
export async function openSoftwareGpu(options: DeviceOptions = {}): Promise<GpuDevice> {
  try {
    return await GpuDevice.open(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `no software GPU for the tests: install Debian's packages chromium-common (SwiftShader) and libvulkan1, or set VK_ICD_FILENAMES (${reason})`,
    );
  }
}

/** The same for all tests of a file, and gone after them. */
export function softwareGpu(): () => Promise<GpuDevice> {
  let opened: Promise<GpuDevice> | undefined;
  afterAll(async () => (await opened)?.destroy());
  return () => (opened ??= openSoftwareGpu());
}
