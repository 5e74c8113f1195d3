import { UsageError } from '../../core/errors.ts';
import type { Deployment } from '../deployment.ts';
import { AttentionGrid, type AttentionRow } from './attention-grid.ts';
import { Line, worse } from './grid.ts';
import type { KernelFolder } from './kernel-folder.ts';
import type { AttentionStep, KernelTime, LayerName, LayerProfile } from './kernel-tables.ts';
import { MoeGrid } from './moe-grid.ts';
import { type ProfileFiles, profileFiles } from './profile-files.ts';
import { ProfileTable } from './profile-table.ts';
import { isLaterSkewFit, type Skew, SkewFit } from './skew-fit.ts';
import { readSkewMeta } from './skew-meta.ts';

const microseconds = 1e-6;

/**
 * Layer times of a model measured inside vLLM, as LLMServingSim's profiler writes them: linear layers by
 * tokens, lm_head and sampler by sequences, attention of whole steps by (prefill tokens, key length,
 * decodes, their KV), in microseconds a layer. Read from the profiler's own folders
 * (`RTX4090/meta-llama/Llama-3.1-8B/bf16/tp1/dense.csv`) or flat (`profile_RTX4090_…_bf16_tp1_dense.csv.gz`).
 *
 * @returns undefined when the folder holds no profile of this deployment.
 * @throws UsageError at a table that is not one, and where two profiles are of this deployment.
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
  const moe = moeGrid(await table('moe', ['tokens', 'activated_experts', 'time_us']));
  const skew = await skewOf(folder, files, deployment.tensorParallel);
  // Said with every result: what of the profile was not used as it stands.
  const notes = [
    ...(files.has('moe') && !moe ? [`${files.get('moe')}: no rows of ep 1, it is not used`] : []),
    ...(skew.note === undefined ? [] : [skew.note]),
  ];
  return new ServingProfile(
    [`LLMServingSim profile ${files.get('dense')}`, ...notes].join('; '),
    lines,
    await attentionGrid(folder, files.get('attention')!),
    skew.skew,
    moe,
  );
}

/** Undefined without a row of all experts on one GPU: the cost model has a price of its own. */
function moeGrid(table: ProfileTable | undefined): MoeGrid | undefined {
  if (!table) return undefined;
  const columns = ['tokens', 'activated_experts', 'time_us', ...(table.has('ep') ? ['ep'] : [])];
  // All experts on one GPU: those spread over several were profiled with fewer.
  const rows = table.numbers(columns).filter(([, , , ep = 1]) => ep === 1);
  if (rows.length === 0) return undefined;
  return new MoeGrid(rows.map(([tokens, experts, time]) => [tokens!, experts!, time! * microseconds]));
}

class ServingProfile implements LayerProfile {
  readonly source: string;
  readonly #lines: ReadonlyMap<LayerName, Line>;
  readonly #attention: AttentionGrid;
  readonly #skew: Skew | undefined;
  readonly #moe: MoeGrid | undefined;

  constructor(
    source: string,
    lines: ReadonlyMap<LayerName, Line>,
    attention: AttentionGrid,
    skew: Skew | undefined,
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
    // At the edges of the grid the longest can come out the faster one, of which no share is meant: LLMServingSim
    // leaves the mean as well.
    if (longest.seconds <= mean.seconds) return mean;
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
  const table = new ProfileTable(text, path, columns);
  const rows = table.numbers(columns).filter((_, i) => isPlainDecode(table, i));
  if (rows.length === 0) {
    throw new UsageError(
      `${path}: no rows of layer attention with one query token a decode (decode_q_len 1)`,
    );
  }
  return new AttentionGrid(
    rows.map(([chunk, past, decodes, kv, time]): AttentionRow => {
      const key = keyed || chunk === 0 ? past! : past! + chunk! / 2;
      return [chunk!, key, decodes!, kv!, time! * microseconds];
    }),
  );
}

/** Later tables hold other kernels as well, and decodes that verify several tokens at a time. */
function isPlainDecode(table: ProfileTable, row: number): boolean {
  const isAttention = !table.has('layer') || table.text(row, 'layer') === 'attention';
  return isAttention && !(table.has('decode_q_len') && Number(table.text(row, 'decode_q_len')) > 1);
}

/** How unequal decodes are read, if at all, and what the user should know of it. */
async function skewOf(
  folder: KernelFolder,
  files: ProfileFiles,
  tensorParallel: number,
): Promise<{ readonly skew?: Skew; readonly note?: string }> {
  const [path, meta] = [files.get('skew_fit'), files.get('meta')];
  if (path === undefined) return {};
  const said = meta === undefined ? undefined : readSkewMeta(await folder.text(meta), tensorParallel);
  if (said?.isDisabled) return {};
  const text = await folder.text(path);
  const alpha = said?.alpha;
  if (!isLaterSkewFit(text)) return { skew: SkewFit.read(text, path, alpha) };
  const later = `${path}: a fit by labels that Quire does not read`;
  if (alpha === undefined) return { note: `${later}, and no default beside it; it is not used` };
  return { skew: { alpha: () => alpha }, note: `${later}; every step takes its default ${alpha}` };
}
