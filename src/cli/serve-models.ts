import { basename, dirname, join, resolve } from 'node:path';
import { readJsonIfThere, readJson as readModelJson } from '../backends/model/files.ts';
import { parseTokenizer, type Tokenizer } from '../backends/model/tokenizer.ts';
import { UsageError } from '../core/errors.ts';
import type { Bytes } from '../core/units.ts';
import type { EngineArgs } from '../engine/engine-args.ts';
import { WorkerEngine } from '../engine/worker-engine.ts';
import { readChatTemplate } from '../server/chat-template.ts';
import { readGenerationDefaults } from '../server/generation-defaults.ts';
import type { ServedModel } from '../server/served-model.ts';
import { standInTemplate } from '../server/stand-in-template.ts';
import { checkConfig, completeConfig, composePolicy } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import { configDefaults } from '../sim/config.ts';
import { parseProfile } from '../sim/cost/overhead-profile.ts';
import type { BackendFlags, HubFlags } from './backend-flags.ts';
import { announceBackend, type ChosenBackend } from './chosen-backend.ts';
import { readJson } from './files.ts';
import { asFlag, reworded } from './flag-words.ts';
import { findModelFolder } from './model-source.ts';
import { readModel } from './prepared-run.ts';
import { Progress } from './progress.ts';

/** What the flags say of the models and the engines under them. */
export interface ModelsJob {
  /** Absent: the one that ships. */
  readonly models: readonly string[] | undefined;
  readonly names: readonly string[] | undefined;
  readonly chatTemplate: string | undefined;
  /** One for all together, or one each. */
  readonly gpuMemory: readonly Bytes[];
  readonly simulated: boolean;
  readonly backend: BackendFlags;
  readonly hub: HubFlags;
  readonly config: Config;
}

interface Plan {
  readonly id: string;
  readonly root: string;
  /** Where tokenizer, template and generation config are. */
  readonly folder: string;
  readonly args: EngineArgs;
}

/** The models with an engine each, in threads of their own. @throws UsageError when one of them cannot be had. */
export async function loadModels(job: ModelsJob): Promise<ServedModel[]> {
  const asked = job.models ?? [undefined];
  if (job.names && job.names.length !== asked.length) {
    throw new UsageError(
      `--served-model-name: ${job.names.length} names for ${asked.length} models; give one for each --model`,
    );
  }
  const memory = memoryShares(job.gpuMemory, asked.length);
  const plan = job.simulated ? await simulatedPlanner(job, asked.length) : await realPlanner(job);
  const loaded: ServedModel[] = [];
  try {
    for (const [i, model] of asked.entries()) {
      loaded.push(await load(await plan(model, job.names?.[i], memory[i]), job));
    }
    return loaded;
  } catch (error) {
    await Promise.all(loaded.map(({ engine }) => engine.close()));
    throw reworded(error, asFlag);
  }
}

/** @throws UsageError for as many as neither one nor each. */
function memoryShares(given: readonly Bytes[], models: number): readonly (Bytes | undefined)[] {
  if (given.length === 0) return [];
  if (given.length === models) return given;
  if (given.length === 1) return Array.from({ length: models }, () => Math.floor(given[0]! / models));
  throw new UsageError(
    `--gpu-memory: given ${given.length} times for ${models} models; give it once, for all, or once for each`,
  );
}

type Planner = (
  model: string | undefined,
  name: string | undefined,
  memory: Bytes | undefined,
) => Promise<Plan>;

async function realPlanner({ backend, hub, config }: ModelsJob): Promise<Planner> {
  const chosen: ChosenBackend = await announceBackend(backend);
  return async (asked, name, gpuMemory) => {
    const source = await findModelFolder(asked, hub);
    return {
      // A folder that is named ".." or so has a name all the same.
      id: name ?? source.name,
      root: asked ?? source.name,
      folder: source.folder,
      args: {
        model: source.folder,
        policy: config.policy?.[0],
        parts: config,
        seed: config.seed,
        backend: chosen.backend,
        adapter: chosen.adapter,
        dtype: chosen.dtype,
        unsafeFast: backend.unsafeFast,
        tune: backend.tune,
        gpuMemory,
        blockSize: config.block_size,
        maxModelLen: config.max_model_len,
        maxNumSeqs: config.max_num_seqs,
        maxNumBatchedTokens: config.max_num_batched_tokens,
        numBlocks: config.num_gpu_blocks_override,
      },
    };
  };
}

/** Prices of a model of the catalogue, words of the one that ships. */
async function simulatedPlanner({ config, hub }: ModelsJob, models: number): Promise<Planner> {
  const { folder } = await findModelFolder(undefined, hub);
  const profile =
    config.profile === undefined ? undefined : parseProfile(await readJson(config.profile), config.profile);
  const utilization = config.gpu_memory_utilization ?? configDefaults.gpu_memory_utilization;
  return async (asked = configDefaults.model, name) => {
    const model = await readModel(asked);
    const own: Config = { ...config, model: asked, gpu_memory_utilization: utilization / models };
    // Here, so that what is wrong is said before a thread is started for it.
    checkConfig(completeConfig(own), model, profile && { profile });
    return {
      id: name ?? nameOf(asked),
      root: asked,
      folder,
      args: { backend: 'simulated', config: own, model, tokenizer: folder, profile },
    };
  };
}

/** `my-llama/config.json` is called after its folder. */
function nameOf(model: string): string {
  return basename(model) === 'config.json' ? basename(dirname(resolve(model))) : basename(model, '.json');
}

async function load({ id, root, folder, args }: Plan, job: ModelsJob): Promise<ServedModel> {
  const { config } = job;
  const policy = composePolicy(config.policy?.[0] ?? 'vllm', config);
  const [tokenizer, chatTemplate, defaults] = await Promise.all([
    readTokenizer(folder),
    job.simulated && job.chatTemplate === undefined
      ? standInTemplate(folder)
      : readChatTemplate(folder, job.chatTemplate),
    readGenerationDefaults(folder),
  ]);
  const progress = new Progress();
  try {
    progress.update(0, `loading ${id}`);
    const engine = await WorkerEngine.load(args, {
      onLoad: share => progress.update(share, `loading ${id}`),
      warn: progress.warn,
    });
    return {
      id,
      root,
      created: Math.floor(Date.now() / 1000),
      engine,
      tokenizer,
      chatTemplate,
      defaults,
      ordersByPriority: policy.order.name === 'priority',
      cachesPrefixes: policy.memory.kind === 'paged' && policy.memory.prefixCaching,
    };
  } finally {
    progress.end();
  }
}

async function readTokenizer(folder: string): Promise<Tokenizer> {
  const json = await readModelJson(join(folder, 'tokenizer.json'));
  return parseTokenizer(json, await readJsonIfThere(join(folder, 'tokenizer_config.json')), folder);
}
