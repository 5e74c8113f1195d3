import { quoted, UsageError } from '../../core/errors.ts';
import { ConfigFields } from './config-fields.ts';

export const INDEX = 'model.safetensors.index.json';

/**
 * Which of the files of a folder or repository hold the weights, of all the spellings that are about: the index
 * with its shards, one file, or shards without index. Consolidated files (Mistral) are the same weights once more
 * under other names.
 * @throws UsageError when there are none, naming what there is instead.
 */
export function weightFiles(names: readonly string[], place: string): readonly string[] {
  const files = names.filter(name => /^[^/\\]+\.safetensors$/.test(name)).sort();
  const shards = files.filter(name => name !== 'model.safetensors' && !/^(consolidated|adapter_)/.test(name));
  if (names.includes(INDEX)) return [INDEX, ...shards];
  if (files.includes('model.safetensors')) return ['model.safetensors'];
  if (shards.length > 0) return shards;
  const other = names.filter(name => /\.(bin|pth?|gguf|onnx|msgpack|h5)$/.test(name));
  throw new UsageError(
    `${place} has no weights as safetensors${other.length > 0 ? `, only ${other.slice(0, 3).join(', ')}` : ''}; ` +
      'take a model that has them, or write them with save_pretrained of the transformers library.',
  );
}

/**
 * Which file each tensor is in, from the parsed index.
 * @throws UsageError when it is no such index, or names files outside of its folder.
 */
export function parseIndex(json: unknown, place: string): ReadonlyMap<string, string> {
  const fields = new ConfigFields(json, place);
  const map = fields.object('weight_map');
  if (!map) throw fields.error('weight_map is missing, which says where each tensor is');
  return new Map(
    Object.entries(map.values).map(([name, file]) => {
      if (typeof file === 'string' && /^[^/\\]+\.safetensors$/.test(file)) return [name, file];
      throw map.error(
        `the file of ${quoted(name)} is ${quoted(file)}, but must be a safetensors file beside it`,
      );
    }),
  );
}
