import { expect, test } from 'vitest';
import { weightFiles } from '../../../src/backends/model/weight-files.ts';
import { UsageError } from '../../../src/core/errors.ts';

const index = 'model.safetensors.index.json';
const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
const about = ['config.json', 'README.md', 'pytorch_model.bin'];

test.each<[string, readonly string[], readonly string[]]>([
  ['one file', [...about, 'model.safetensors'], ['model.safetensors']],
  ['shards', [...about, ...shards, index], [index, ...shards]],
  ['shards without index', [...about, ...shards], shards],
  ['an index beside one file too', [...shards, 'model.safetensors', index], [index, ...shards]],
  ['consolidated as well', [...shards, 'consolidated.00.safetensors', index], [index, ...shards]],
  ['one file and an adapter', ['model.safetensors', 'adapter_model.safetensors'], ['model.safetensors']],
  [
    'files of other folders',
    [...shards, '../x.safetensors', 'onnx/y.safetensors', '..\\z.safetensors'],
    shards,
  ],
])('%s', (_name, names, expected) => {
  expect(weightFiles(names, 'it')).toEqual(expected);
});

test('none', () => {
  expect(() => weightFiles(about, 'it')).toThrow(UsageError);
  expect(() => weightFiles(about, 'it')).toThrow(
    'it has no weights as safetensors, only pytorch_model.bin; take',
  );
  expect(() => weightFiles(['config.json'], 'it')).toThrow('it has no weights as safetensors; take');
  expect(() => weightFiles(['adapter_model.safetensors'], 'it')).toThrow('no weights');
});
