import type { Command } from 'commander';
import type { AdapterProbe } from '../backends/webgpu/probe.ts';
import { UsageError } from '../core/errors.ts';
import { type Bytes, GiB, KiB, MiB } from '../core/units.ts';
import { type ChosenBackend, chooseBackend } from './chosen-backend.ts';
import { number, wrap } from './format.ts';
import { snakeCase } from './snake-case.ts';

export interface ProbeFlags {
  readonly json?: boolean;
  readonly probe?: boolean;
  readonly adapter?: string;
  readonly unsafeFast?: boolean;
}

interface Probed {
  readonly adapters: readonly AdapterProbe[];
  /** What `generate` takes with the same flags; its remark says why it is no GPU. */
  readonly used: ChosenBackend;
}

export function addProbeFlags(command: Command): void {
  command
    .option('--probe', 'ask and measure the GPUs of this machine')
    .option('--adapter <number|name>', 'with --probe: this one only')
    .option('--unsafe-fast', 'with --probe: without bounds checks in kernels');
}

/** @throws UsageError for flags of a probe without `--probe`. */
export function asksForProbe({ probe: asked, adapter, unsafeFast }: ProbeFlags): boolean {
  const idle = adapter !== undefined ? '--adapter' : unsafeFast ? '--unsafe-fast' : undefined;
  if (!asked && idle) throw new UsageError(`${idle} needs --probe: the catalogue has no adapters`);
  return asked ?? false;
}

/**
 * `quire gpus --probe`: the adapters of this machine, measured.
 * @throws UsageError for `--adapter` that is not there; that there is none at all is an answer.
 */
export async function probe(flags: ProbeFlags): Promise<void> {
  const probed = await look(flags);
  const text = flags.json ? JSON.stringify(documentOf(probed), null, 2) : probeText(probed);
  process.stdout.write(`${text}\n`);
}

async function look({ adapter, unsafeFast }: ProbeFlags): Promise<Probed> {
  const used = await chooseBackend(adapter === undefined ? {} : { adapter });
  const { probeAdapters } = await import('../backends/webgpu/probe.ts');
  let adapters: readonly AdapterProbe[] = [];
  try {
    adapters = await probeAdapters(() => performance.now() / 1000, { unsafeFast });
  } catch (error) {
    // The package `webgpu` is not there: `used` says so.
    if (!(error instanceof UsageError)) throw error;
  }
  if (adapter === undefined) return { adapters, used };
  const named = adapters.filter(({ name }) => name === used.device);
  if (named.length > 0) return { adapters: named, used };
  throw new UsageError(`--adapter ${adapter}: ${used.device} works with generate, but cannot be probed`);
}

function documentOf({ adapters, used }: Probed): object {
  const { backend, device, dtype, remark } = used;
  return snakeCase({ adapters, used: { backend, device, dtype, remark: remark ?? null } }) as object;
}

function probeText({ adapters, used }: Probed): string {
  const end =
    used.remark === undefined
      ? `quire generate takes ${used.device} (${used.backend}, ${used.dtype})`
      : `quire generate and quire serve: ${used.remark}`;
  const parts = adapters.length > 0 ? adapters.map(adapterText) : [MISSING];
  return [...parts, wrap(end)].join('\n\n');
}

const MISSING = [
  'No GPU that WebGPU can reach.',
  'Linux: install the driver of the GPU and the Vulkan loader (libvulkan1; vulkaninfo --summary must list it).',
  'In a container, the driver must be passed in with its graphics part (NVIDIA_DRIVER_CAPABILITIES=all).',
  'A software GPU: VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json, of the package chromium.',
].join('\n');

function adapterText(adapter: AdapterProbe): string {
  const { index, name, software, features, limits, subgroupSize, matrices, copyBandwidth, plan, tuning } =
    adapter;
  const kernels = plan.linear.map(
    ({ rows, variant }) => `${variant} from ${rows} row${rows === 1 ? '' : 's'}`,
  );
  const lines: readonly (readonly [string, string])[] = [
    ['features', features.join(', ')],
    ['subgroups', subgroupSize === undefined ? 'none of a fixed size' : `of ${subgroupSize} lanes`],
    [
      'matrices',
      matrices
        .map(({ m, n, k, component, result }) => `${m}×${n}×${k} ${component} to ${result}`)
        .join(', ') || 'none',
    ],
    [
      'limits',
      `buffers of ${size(limits.buffer)}, of which a kernel sees ${size(limits.storageBinding)}; workgroups of ` +
        `${limits.invocations} with ${size(limits.workgroupMemory)}; ${limits.storageBuffers} buffers a kernel`,
    ],
    ['bandwidth', `${number(copyBandwidth / 1e9)} GB/s of a copy, read plus written, measured`],
    ['linear', kernels.join(', ')],
    ...plan.reasons.map(reason => ['because', reason] as const),
    ['tuned', tunedText(adapter)],
    ...(tuning?.refusals ?? []).map(
      ({ variant, layer, rows, why }) =>
        ['left out', `${variant} ${why}, of ${rows} rows of a layer ${layer}`] as const,
    ),
  ];
  const head = `${index}: ${name}${software ? ' (software)' : ''}`;
  return [head, ...lines.map(([key, text]) => indented(wrap(`${key.padEnd(9)} ${text}`, 98)))].join('\n');
}

function tunedText({ software, tuning }: AdapterProbe): string {
  if (tuning) {
    const { layers, refusals } = tuning;
    const right = refusals.length === 0 ? ', and all kernels compute them rightly' : '';
    return `${layers} kind${layers === 1 ? '' : 's'} of layers of models that were loaded${right}`;
  }
  return software ? 'never, as it is software' : 'when a model is first loaded; kernels are proven then, too';
}

const indented = (text: string) => text.replace(/^/gm, '  ');

function size(bytes: Bytes): string {
  if (bytes >= GiB) return `${number(bytes / GiB)} GiB`;
  return bytes >= MiB ? `${number(bytes / MiB)} MiB` : `${number(bytes / KiB)} KiB`;
}
