import { UsageError } from '../../core/errors.ts';
import type { Deployment } from '../deployment.ts';
import { AttentionGrid, type AttentionRow } from './attention-grid.ts';
import { Line, worse } from './grid.ts';
import type { KernelFolder } from './kernel-folder.ts';
import type { AttentionStep, KernelTime, LayerName, LayerProfile } from './kernel-tables.ts';
import { MoeGrid } from './moe-grid.ts';
import { sameModel, sameName } from './names.ts';
import { ProfileTable } from './profile-table.ts';
import { SkewFit } from './skew-fit.ts';

const microseconds = 1e-6;

/** The files of one profile, by table: `dense`, `per_sequence`, `attention`, `moe`, `skew_fit`, `meta`. */
type ProfileFiles = ReadonlyMap<string, string>;

/**
 * Layer times of a model measured inside vLLM, as LLMServingSim's profiler writes them: linear layers by
 * tokens, lm_head and sampler by sequences, attention of whole steps by (prefill tokens, key length,
 * decodes, their KV), in microseconds a layer. Read from the profiler's own folders
 * (`RTX4090/meta-llama/Llama-3.1-8B/bf16/tp1/dense.csv`) or flat (`profile_RTX4090_…_bf16_tp1_dense.csv.gz`).
 *
 * @returns undefined when the folder holds no profile of this deployment.
 * @throws UsageError at a table that is not one.
 */
export async function openServingProfile(
  folder: KernelFolder,
  deployment: Deployment,
): Promise<LayerProfile | undefined> {
  const files = profileFiles(await folder.list(), deployment);
  if (!files) return undefined;
  const table = async (name: string, columns: readonly string[]) => {
    const path = files.get(name);
    return path === undefined ? undefined : new ProfileTable(await folder.text(path), path, columns);
  };
  const lines = new Map<LayerName, Line>();
  for (const [name, rows] of [
    ['dense', 'tokens'],
    ['per_sequence', 'sequences'],
  ] as const) {
    const layers = (await table(name, ['layer', rows, 'time_us']))?.grouped('layer', [rows, 'time_us']);
    for (const [layer, points] of layers ?? []) {
      lines.set(layer as LayerName, new Line(points.map(([x, y]) => [x!, y! * microseconds])));
    }
  }
  return new ServingProfile(
    `LLMServingSim profile ${files.get('dense')}`,
    lines,
    await attentionGrid(folder, files.get('attention')!),
    await skewFit(folder, files),
    moeGrid(await table('moe', ['tokens', 'activated_experts', 'time_us'])),
  );
}

function moeGrid(table: ProfileTable | undefined): MoeGrid | undefined {
  if (!table) return undefined;
  const columns = ['tokens', 'activated_experts', 'time_us', ...(table.has('ep') ? ['ep'] : [])];
  // All experts on one GPU: those spread over several were profiled with fewer.
  const rows = table.numbers(columns).filter(([, , , ep = 1]) => ep === 1);
  return new MoeGrid(rows.map(([tokens, experts, time]) => [tokens!, experts!, time! * microseconds]));
}

class ServingProfile implements LayerProfile {
  readonly source: string;
  readonly #lines: ReadonlyMap<LayerName, Line>;
  readonly #attention: AttentionGrid;
  readonly #skew: SkewFit | undefined;
  readonly #moe: MoeGrid | undefined;

  constructor(
    source: string,
    lines: ReadonlyMap<LayerName, Line>,
    attention: AttentionGrid,
    skew: SkewFit | undefined,
    moe: MoeGrid | undefined,
  ) {
    this.source = source;
    this.#lines = lines;
    this.#attention = attention;
    this.#skew = skew;
    this.#moe = moe;
  }

  get needsSpread(): boolean {
    return this.#skew !== undefined;
  }

  layer(name: LayerName, rows: number, experts = 0): KernelTime | undefined {
    if (name === 'moe') return this.#moe?.read(rows, experts);
    const found = this.#lines.get(name)?.read(rows);
    return found && { seconds: found.value, tier: found.tier };
  }

  attention(step: AttentionStep): KernelTime {
    const mean = this.#attention.read(step, step.kv);
    if (!this.#skew || step.decodes < 2 || step.longest <= step.shortest) return mean;
    const longest = this.#attention.read(step, step.longest);
    const alpha = this.#skew.alpha(step);
    return {
      seconds: Math.max(0, mean.seconds + alpha * (longest.seconds - mean.seconds)),
      tier: worse(mean.tier, longest.tier),
    };
  }
}

/** Older tables name the history of their one prefill, newer ones the key length that its tokens see in the mean. */
async function attentionGrid(folder: KernelFolder, path: string): Promise<AttentionGrid> {
  const text = await folder.text(path);
  const keyed = text.slice(0, text.indexOf('\n')).includes('prefill_key');
  const columns = ['prefill_chunk', keyed ? 'prefill_key' : 'kv_prefill', 'n_decode', 'kv_decode', 'time_us'];
  const rows = new ProfileTable(text, path, columns).numbers(columns);
  return new AttentionGrid(
    rows.map(([chunk, past, decodes, kv, time]): AttentionRow => {
      const key = keyed || chunk === 0 ? past! : past! + chunk! / 2;
      return [chunk!, key, decodes!, kv!, time! * microseconds];
    }),
  );
}

/** A profile that says its fit is disabled was measured without one, and is used so. */
async function skewFit(folder: KernelFolder, files: ProfileFiles): Promise<SkewFit | undefined> {
  const path = files.get('skew_fit');
  const meta = files.get('meta');
  if (path === undefined) return undefined;
  if (
    meta !== undefined &&
    /^skew_fit:\s*\n(?:[ \t].*\n)*?[ \t]+enabled:\s*false/m.test(await folder.text(meta))
  ) {
    return undefined;
  }
  return SkewFit.read(await folder.text(path), path);
}

/** The profile of the deployment among the files of a folder, if there is one. */
function profileFiles(paths: readonly string[], deployment: Deployment): ProfileFiles | undefined {
  const { gpu, model, tensorParallel, weights, kv } = deployment;
  if (weights === 'int4' || weights === 'int8') return undefined;
  const variant = `${weights === 'fp8' ? 'fp8' : 'bf16'}${kv === 'fp8' ? '-kvfp8' : ''}`;
  const files = new Map<string, string>();
  for (const path of paths) {
    const found = flat.exec(path)?.groups ?? nested.exec(path)?.groups;
    if (!found) continue;
    const { hardware, name, dtype, tp, table } = found;
    const matches =
      sameName(gpu.name, hardware!) &&
      sameModel(name!, model.title) &&
      dtype === variant &&
      (tp === undefined || Number(tp) === tensorParallel);
    if (matches) files.set(table!, path);
  }
  if (!files.has('dense') && !files.has('attention')) return undefined;
  for (const table of ['dense', 'attention']) {
    if (!files.has(table))
      throw new UsageError(`${[...files.values()][0]}: its profile has no ${table} table`);
  }
  return files;
}

const flat =
  /(?:^|\/)profile_(?<hardware>[^_/]+)_(?<name>[^/]+)_(?<dtype>(?:bf|fp|int)\d+(?:-kv\w+)?)_(?:tp(?<tp>\d+)_)?(?<table>dense|per_sequence|attention|moe|skew_fit|meta)\.(?:csv|yaml)(?:\.gz)?$/;
const nested =
  /(?:^|\/)(?<hardware>[^/]+)\/(?<name>[^/]+\/[^/]+)\/(?<dtype>(?:bf|fp|int)\d+(?:-kv\w+)?)\/(?:tp(?<tp>\d+)\/)?(?<table>dense|per_sequence|attention|moe|skew_fit|meta)\.(?:csv|yaml)(?:\.gz)?$/;
