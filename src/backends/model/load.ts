import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../../core/errors.ts';
import type { ModelConfig } from './config.ts';
import { requireTensors } from './expected-tensors.ts';
import { fileError, readJson, readJsonIfThere } from './files.ts';
import { parseModelConfig } from './read-config.ts';
import { openSafetensors, type Safetensors } from './safetensors.ts';
import { parseTokenizer, type Tokenizer } from './tokenizer.ts';
import { INDEX, parseIndex, weightFiles } from './weight-files.ts';

export interface LoadedModel {
  readonly config: ModelConfig;
  /** Open: close them when all that is needed has been read. */
  readonly weights: Safetensors;
  readonly tokenizer: Tokenizer;
  readonly folder: string;
}

/**
 * A model from a folder as Hugging Face lays it out (`modelFolder` finds or fetches one). Everything is checked
 * against everything; no tensor is read yet.
 * @throws UsageError that names the file and what is wrong with it.
 */
export async function loadModel(folder: string): Promise<LoadedModel> {
  const names = await readdir(folder).catch(error => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError(folder, error);
    throw new UsageError(
      `${folder}: no such folder; name one with config.json, tokenizer.json and safetensors`,
    );
  });
  const described = await readConfig(folder, names);
  const tokenizer = await readTokenizer(folder, names);
  tokenizer.requireFit(described.vocab, folder);
  const config = withEnd(described, tokenizer.eosTokenId);
  const weights = await openWeights(folder, names);
  try {
    requireTensors(weights, config);
  } catch (error) {
    await weights.close();
    throw error instanceof UsageError ? new UsageError(`${folder}: ${error.message}`) : error;
  }
  return { config, weights, tokenizer, folder };
}

/** The config of the model in a folder. @throws UsageError when it is missing or not supported. */
export async function readConfig(folder: string, names: readonly string[]): Promise<ModelConfig> {
  if (!names.includes('config.json')) {
    const adapter = names.includes('adapter_config.json');
    throw new UsageError(
      `${folder} has no config.json; ${adapter ? 'it is an adapter (LoRA), which is not supported: merge it into its model' : 'name the folder of a model as Hugging Face lays it out'}.`,
    );
  }
  const generation = await readJsonIfThere(join(folder, 'generation_config.json'));
  return parseModelConfig(await readJson(join(folder, 'config.json')), folder, generation);
}

async function readTokenizer(folder: string, names: readonly string[]): Promise<Tokenizer> {
  if (!names.includes('tokenizer.json')) {
    const other = names.find(name => name === 'tokenizer.model' || name === 'vocab.json');
    throw new UsageError(
      `${folder} has no tokenizer.json${other ? `, only ${other}` : ''}; write one with ` +
        'AutoTokenizer.from_pretrained(…).save_pretrained(…) of the transformers library.',
    );
  }
  const json = await readJson(join(folder, 'tokenizer.json'));
  const config = await readJsonIfThere(join(folder, 'tokenizer_config.json'));
  return parseTokenizer(json, config, folder);
}

async function openWeights(folder: string, names: readonly string[]): Promise<Safetensors> {
  const files = weightFiles(names, folder);
  if (files[0] !== INDEX) return await openSafetensors(files.map(name => join(folder, name)));
  const index = join(folder, INDEX);
  const places = parseIndex(await readJson(index), index);
  return await openSafetensors(
    [...new Set(places.values())].map(name => join(folder, name)),
    places,
  );
}

/** As in vLLM, the tokenizer's end of sequence ends an output whatever the configs say. */
function withEnd(config: ModelConfig, end: number | undefined): ModelConfig {
  if (end === undefined || config.eosTokenIds.includes(end)) return config;
  return { ...config, eosTokenIds: [...config.eosTokenIds, end] };
}
