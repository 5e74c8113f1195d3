import { UsageError } from '../../core/errors.ts';
import type { Deployment } from '../deployment.ts';
import { meansGpu, sameModel } from './names.ts';

/** The files of one profile, by table: `dense`, `per_sequence`, `attention`, `moe`, `skew_fit`, `meta`. */
export type ProfileFiles = ReadonlyMap<string, string>;

/**
 * The profile of a deployment among the files of a folder, if there is one.
 *
 * @throws UsageError when there are two, or two files of one table: nothing says which is meant.
 */
export function profileFiles(paths: readonly string[], deployment: Deployment): ProfileFiles | undefined {
  const { gpu, model, tensorParallel, weights, kv } = deployment;
  if (weights === 'int4' || weights === 'int8') return undefined;
  const variant = `${weights === 'fp8' ? 'fp8' : 'bf16'}${kv === 'fp8' ? '-kvfp8' : ''}`;
  const what = `${model.name} (${variant}, tensor parallel ${tensorParallel}) on ${gpu.name}`;
  const profiles = new Map<string, Map<string, string>>();
  for (const path of paths) {
    const found = flat.exec(path)?.groups ?? nested.exec(path)?.groups;
    if (!found) continue;
    const { hardware, name, dtype, tp, table } = found;
    const matches =
      dtype === variant &&
      (tp === undefined || Number(tp) === tensorParallel) &&
      meansGpu(hardware!, gpu) &&
      sameModel(name!, model.title);
    if (!matches) continue;
    const place = path.slice(0, path.lastIndexOf(dtype!));
    const files = profiles.get(place) ?? new Map<string, string>();
    profiles.set(place, files);
    const other = files.get(table!);
    if (other !== undefined) {
      throw new UsageError(`${other} and ${path}: both are the table ${table} of ${what}; keep one of them`);
    }
    files.set(table!, path);
  }
  const measured = [...profiles.values()].filter(files => files.has('dense') || files.has('attention'));
  if (measured.length > 1) {
    const [one, other] = measured.map(files => files.get('dense') ?? files.get('attention'));
    throw new UsageError(`${one} and ${other}: both are of a profile of ${what}; keep one of the two`);
  }
  for (const table of measured.length > 0 ? ['dense', 'attention'] : []) {
    if (!measured[0]!.has(table))
      throw new UsageError(`${[...measured[0]!.values()][0]}: its profile has no ${table} table`);
  }
  return measured[0];
}

/** The profiles among the files of a folder, in words: `meta-llama/Llama-3.1-8B bf16 on RTX4090`. */
export function profilesIn(paths: readonly string[]): string[] {
  const found = paths.map(path => flat.exec(path)?.groups ?? nested.exec(path)?.groups);
  const named = found.flatMap(groups =>
    groups && groups['table'] === 'dense'
      ? [
          `${groups['name']!.replace('_', '/')} ${groups['dtype']}${groups['tp'] ? ` tp${groups['tp']}` : ''} on ${groups['hardware']}`,
        ]
      : [],
  );
  return [...new Set(named)].sort();
}

/** The model is the last two words, its owner and its name: `profile_RTX_PRO_6000_Qwen_Qwen3-32B_bf16_tp1_dense.csv`. */
const flat =
  /(?:^|\/)profile_(?<hardware>[^/]+?)_(?<name>(?:[^_/]+_)?[^_/]+)_(?<dtype>(?:bf|fp|int)\d+(?:-kv\w+?)?)_(?:tp(?<tp>\d+)_)?(?<table>dense|per_sequence|attention|moe|skew_fit|meta)\.(?:csv|yaml)(?:\.gz)?$/;
const nested =
  /(?:^|\/)(?<hardware>[^/]+)\/(?<name>[^/]+\/[^/]+)\/(?<dtype>(?:bf|fp|int)\d+(?:-kv\w+)?)\/(?:tp(?<tp>\d+)\/)?(?<table>dense|per_sequence|attention|moe|skew_fit|meta)\.(?:csv|yaml)(?:\.gz)?$/;
