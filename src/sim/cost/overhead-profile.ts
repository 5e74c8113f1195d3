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

const finite = z.number().refine(Number.isFinite);
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
    cpu_per_step_s: finite,
    cpu_per_sequence_s: finite,
    overlapped: z.boolean(),
  }),
  overheads: z.object({
    per_step_s: fitted,
    per_sequence_s: fitted,
    api_per_request_s: fitted.refine(api => api.value >= 0),
    device_scale: fitted.refine(scale => scale.value > 0),
  }),
  errors: z.object({ before: latencies, after: latencies }),
  notes: z.array(z.string()),
});

export type OverheadProfile = z.output<typeof schema>;
export type FittedOverhead = z.output<typeof fitted>;
export type LatencyErrors = z.output<typeof latencies>;

/** @throws UsageError when it is no profile. */
export function parseProfile(value: unknown, source: string): OverheadProfile {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path } = parsed.error.issues[0]!;
  const where = path.length > 0 ? `, at ${quoted(path.join('.'))}` : '';
  throw new UsageError(`${source}: not a profile of quire calibrate${where}; make one with quire calibrate`);
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
  const shown = policies.length > 1 ? 'compare it without the profile' : 'leave --profile out';
  throw new UsageError(
    `--profile: its overheads were measured on ${profile.engine}, and ${other.name} runs on ${other.runtime}; ` +
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
