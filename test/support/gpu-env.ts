import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const cache = resolve(import.meta.dirname, '../../node_modules/.cache');
const NAME = 'usr/lib/chromium/vk_swiftshader_icd.json';
/** The Vulkan driver that is software; Debian's package chromium-common has it. */
const PLACES = [join(cache, 'swiftshader', NAME), join('/', NAME)];

/** The environment of a process that is to find no GPU. */
export const noGpu = { VK_ICD_FILENAMES: '/nonexistent.json', VK_DRIVER_FILES: '/nonexistent.json' };

/** The environment of a process that is to find a software GPU. @throws where it is missing: such tests are not skipped. */
export function softwareGpuEnv(): Record<string, string> {
  const place = process.env['VK_ICD_FILENAMES'] ?? PLACES.find(path => existsSync(path));
  if (place !== undefined) return { VK_ICD_FILENAMES: place };
  throw new Error(
    "no software GPU: install Debian's packages chromium-common and libvulkan1, or set VK_ICD_FILENAMES",
  );
}
