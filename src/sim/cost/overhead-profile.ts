import { z } from 'zod';
import { quoted, UsageError } from '../../core/errors.ts';
import type { Seconds } from '../../core/units.ts';
import type { Deployment } from '../deployment.ts';
import { type Runtime, runtimes } from './runtimes.ts';

/** What a measured run shows beside the presets of its engine: see the residuals of `Runtime`. */
export interface Overheads {
  readonly perStep: Seconds;
  readonly perSequence: Seconds;
  readonly apiPerRequest: Seconds;
  readonly deviceScale: number;
}

const finite = z.number();
const fitted = z.object({
  value: finite,
  /** 95 % interval; absent where it was not fitted. */
  low: finite.optional(),
  high: finite.optional(),
  preset: finite,
  /** `held`: fitted, but not to be told from its preset, which is therefore its value. */
  status: z.enum(['fitted', 'held', 'not fitted']),
});

const latency = z.object({ mean: finite, p50: finite, p99: finite });
const latencies = z.object({ ttft: latency, tpot: latency, e2el: latency });

/** The file that `quire calibrate` writes and `--profile` reads. Times in seconds; errors relative and signed. */
const schema = z.object({
  quire: z.object({
    version: z.string(),
    command: z.string(),
    config: z.record(z.string(), z.unknown()),
    seed: z.number(),
  }),
  /** `Policy.runtime`. */
  engine: z.string(),
  gpu: z.string(),
  model: z.string(),
  tensor_parallel: z.number(),
  measured: z.object({ source: z.string(), requests: z.number() }),
  /** What the kernels' times were taken from. */
  kernels: z.enum(['measured', 'rooflines']),
  /** The presets that the overheads come on top of. */
  presets: z.object({
    cpu_per_step_s: finite.nonnegative(),
    cpu_per_sequence_s: finite.nonnegative(),
    overlapped: z.boolean(),
  }),
  overheads: z.object({
    per_step_s: fitted,
    per_sequence_s: fitted,
    api_per_request_s: fitted,
    device_scale: fitted,
  }),
  errors: z.object({ before: latencies, after: latencies }),
  notes: z.array(z.string()),
});

export type OverheadProfile = z.output<typeof schema>;
export type FittedOverhead = z.output<typeof fitted>;
export type LatencyErrors = z.output<typeof latencies>;

/** @throws UsageError when it is no profile, or holds an overhead that no engine has. */
export function parseProfile(value: unknown, source: string): OverheadProfile {
  const parsed = schema.safeParse(value);
  if (parsed.success) {
    checkLimits(parsed.data, source);
    return parsed.data;
  }
  const { path, message } = parsed.error.issues[0]!;
  const where = path.length > 0 ? ` at ${quoted(path.join('.'))}` : '';
  const found = message
    .replace('Invalid input: ', '')
    .replace(', received undefined', ', found nothing')
    .replace(', received ', ', found ');
  throw new UsageError(
    `${source}: not a profile of quire calibrate:${where} ${found}; make one with quire calibrate`,
  );
}

/** A simulation would run with them, cut off at the presets' CPU work or for days, and say nothing. */
function checkLimits(profile: OverheadProfile, source: string): void {
  const { cpu_per_step_s: cpuPerStep, cpu_per_sequence_s: cpuPerSequence } = profile.presets;
  const limits = overheadLimits({ cpuPerStep, cpuPerSequence });
  const names = {
    per_step_s: 'perStep',
    per_sequence_s: 'perSequence',
    api_per_request_s: 'apiPerRequest',
    device_scale: 'deviceScale',
  } as const;
  for (const name of Object.keys(names) as (keyof typeof names)[]) {
    const { value } = profile.overheads[name];
    const [min, max] = limits[names[name]];
    if (value >= min && value <= max) continue;
    throw new UsageError(
      `${source}: overheads.${name}.value: expected ${min} to ${max}, found ${value}; no engine has that: calibrate again`,
    );
  }
}

/**
 * Least and largest that each overhead can be. Residuals may cancel the presets' work on the CPU, and nothing
 * beyond it; with more than the largest nothing would be served.
 */
export function overheadLimits({
  cpuPerStep,
  cpuPerSequence,
}: Pick<Runtime, 'cpuPerStep' | 'cpuPerSequence'>): Record<
  keyof Overheads,
  readonly [min: number, max: number]
> {
  return {
    // Not −0, which JSON does not have.
    perStep: [0 - cpuPerStep, 10],
    perSequence: [0 - cpuPerSequence, 1],
    apiPerRequest: [0, 60],
    deviceScale: [0.1, 10],
  };
}

export function overheadsOf({ overheads }: OverheadProfile): Overheads {
  return {
    perStep: overheads.per_step_s.value,
    perSequence: overheads.per_sequence_s.value,
    apiPerRequest: overheads.api_per_request_s.value,
    deviceScale: overheads.device_scale.value,
  };
}

export function presetOverheads(runtime: Runtime): Overheads {
  return {
    perStep: runtime.residualPerStep ?? 0,
    perSequence: runtime.residualPerSequence ?? 0,
    apiPerRequest: runtime.apiPerRequest ?? 0,
    deviceScale: runtime.deviceScale ?? 1,
  };
}

export function withOverheads(runtime: Runtime, overheads: Overheads): Runtime {
  return {
    ...runtime,
    residualPerStep: overheads.perStep,
    residualPerSequence: overheads.perSequence,
    apiPerRequest: overheads.apiPerRequest,
    deviceScale: overheads.deviceScale,
  };
}

/** @throws UsageError when the profile is another engine's than that of a policy to be run. */
export function checkEngine(
  profile: OverheadProfile,
  policies: readonly { name: string; runtime: string }[],
): void {
  const other = policies.find(policy => policy.runtime !== profile.engine);
  if (!other) return;
  const named =
    other.name === other.runtime ? `not on ${other.name}` : `and ${other.name} runs on ${other.runtime}`;
  const shown = policies.length > 1 ? 'compare it without the profile' : 'leave --profile out';
  throw new UsageError(
    `--profile: its overheads were measured on ${profile.engine}, ${named}; ` +
      `${shown}, or calibrate ${other.runtime} with a run of its own`,
  );
}

/** What a user should know who runs something else than was measured. */
export function profileNotes(
  profile: OverheadProfile,
  deployment: Deployment,
  kernels: OverheadProfile['kernels'],
): string[] {
  const { gpu, model, tensorParallel } = deployment;
  const shown = { measured: 'measured kernels', rooflines: 'rooflines' };
  const differing = [
    ...(profile.gpu === gpu.name ? [] : [profile.gpu]),
    ...(profile.model === model.name ? [] : [profile.model]),
    ...(profile.tensor_parallel === tensorParallel ? [] : [`tensor parallelism ${profile.tensor_parallel}`]),
  ];
  const { overheads, presets } = profile;
  const runtime = runtimes[profile.engine as keyof typeof runtimes];
  const now = runtime && presetOverheads(runtime);
  const stale =
    now !== undefined &&
    (runtime.cpuPerStep !== presets.cpu_per_step_s ||
      runtime.cpuPerSequence !== presets.cpu_per_sequence_s ||
      runtime.overlapped !== presets.overlapped ||
      now.perStep !== overheads.per_step_s.preset ||
      now.perSequence !== overheads.per_sequence_s.preset ||
      now.deviceScale !== overheads.device_scale.preset);
  return [
    ...(differing.length > 0 ? [`the profile was measured with ${differing.join(', ')}`] : []),
    ...(profile.kernels === kernels
      ? []
      : [
          `the profile was fitted beside ${shown[profile.kernels]}, and this run has ${shown[kernels]}: calibrate as you run`,
        ]),
    ...(stale
      ? [
          `the presets of ${profile.engine} have changed since Quire ${profile.quire.version}: calibrate again`,
        ]
      : []),
    ...(overheads.api_per_request_s.value > 0
      ? ['with the API path of the profile, TTFT and end-to-end latency are those of the client']
      : []),
  ];
}
