import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type LoadedModel, loadModel } from '../../../src/backends/model/load.ts';

const models = process.env['QUIRE_MODELS'] ?? resolve(import.meta.dirname, '../../../../shared/models');
const folder = join(models, 'stories260K');

/** A real trained model: what it says after its start token was computed elsewhere, in f64. */
export interface Stories {
  readonly model: LoadedModel;
  readonly prompt: readonly number[];
  readonly greedy: readonly number[];
  readonly firstLogits: readonly number[];
}

export async function openStories(): Promise<Stories> {
  const golden = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8'));
  return {
    model: await loadModel(folder),
    prompt: golden.prompt_token_ids,
    greedy: golden.greedy_token_ids,
    firstLogits: golden.first_step_logits,
  };
}
