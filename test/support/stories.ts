import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ModelConfig } from '../../src/backends/model/config.ts';
import { parseModelConfig } from '../../src/backends/model/read-config.ts';
import type { Tensor, Weights } from '../../src/backends/model/weights.ts';

/** Where trained models lie that are not part of the repository: `QUIRE_MODELS`, or a folder beside it. */
const models = process.env['QUIRE_MODELS'] ?? resolve(import.meta.dirname, '../../../shared/models');
export const storiesFolder = join(models, 'stories260K');

export interface Golden {
  readonly prompt_token_ids: readonly number[];
  readonly greedy_token_ids: readonly number[];
  readonly greedy_text: string;
  readonly first_step_logits: readonly number[];
}

/** A small model that was really trained, and what it says. @throws where it is missing: such tests are not skipped. */
export function openStories(): { config: ModelConfig; weights: Weights; golden: Golden } {
  if (!existsSync(storiesFolder)) {
    throw new Error(`the model stories260K is not there: set QUIRE_MODELS to the folder that holds it`);
  }
  const json = (name: string) => JSON.parse(readFileSync(join(storiesFolder, name), 'utf8'));
  return {
    config: parseModelConfig(json('config.json'), 'stories260K', json('generation_config.json')),
    weights: readSafetensors(readFileSync(join(storiesFolder, 'model.safetensors'))),
    golden: json('golden.json'),
  };
}

/** The format, without a check: the file is known. */
function readSafetensors(file: Buffer): Weights {
  const length = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, 8 + length));
  const names = Object.keys(header).filter(name => name !== '__metadata__');
  return {
    names,
    has: name => names.includes(name),
    read: async name => {
      const { dtype, shape, data_offsets } = header[name];
      const [from, to] = data_offsets as [number, number];
      const tensor: Tensor = { dtype, shape, bytes: file.subarray(8 + length + from, 8 + length + to) };
      return tensor;
    },
    close: async () => undefined,
  };
}
