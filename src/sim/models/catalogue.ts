import { llamas } from './llama.ts';
import { mistrals } from './mistral.ts';
import type { Model } from './model.ts';
import { opts } from './opt.ts';
import { qwens } from './qwen.ts';

/** The models Quire knows by name. */
export const models: readonly Model[] = [...llamas, ...opts, ...mistrals, ...qwens];

export function findModel(name: string): Model | undefined {
  return models.find(model => model.name === name.toLowerCase());
}
