import { join } from 'node:path';
import type { ModelConfig } from '../backends/model/config.ts';
import { readJson, readJsonIfThere } from '../backends/model/files.ts';
import { parseTokenizer, type Tokenizer } from '../backends/model/tokenizer.ts';
import type { ModelRunner } from '../backends/model-runner.ts';
import { SimulatedExecutor } from '../backends/simulated.ts';
import { unknownName } from '../core/did-you-mean.ts';
import { UsageError } from '../core/errors.ts';
import { checkConfig, completeConfig } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import type { OverheadProfile } from '../sim/cost/overhead-profile.ts';
import type { EngineSetup } from '../sim/engine-setup.ts';
import type { KernelChoice } from '../sim/kernels/open-kernels.ts';
import { findModel, models } from '../sim/models/catalogue.ts';
import type { Model } from '../sim/models/model.ts';
import type { LengthModel } from '../sim/workload/lengths.ts';
import { Engine } from './engine.ts';
import { infoOf, type LoadedEngine } from './loaded-engine.ts';
import { type Pacer, RealPacer } from './pacer.ts';
import { SimulatedSteps } from './simulated-steps.ts';
import { SimulatedTokens } from './simulated-tokens.ts';
import { StructureCompiler } from './structured/structure-compiler.ts';

/** An engine on a GPU that is only priced, in real time: what its clients see of a real one is the pace. */
export interface SimulatedArgs {
  readonly backend: 'simulated';
  /**
   * Settings of the engine as `quire run` reads them: policy (one; default `vllm`), model, gpu, limits, seed … What
   * they say of a workload means nothing here.
   */
  readonly config: Config;
  /** Instead of the one of that name. */
  readonly model?: Model | undefined;
  /** As `quire calibrate` made it. */
  readonly profile?: OverheadProfile | undefined;
  /** The folder with `tokenizer.json`, whose tokens are said and understood. */
  readonly tokenizer: string;
  /** How long answers are that `max_tokens` does not cut and `ignore_eos` does not prolong. Default `sharegpt`. */
  readonly lengths?: LengthModel | undefined;
  /** Real seconds of a simulated one; default 1. */
  readonly timeScale?: number | undefined;
}

/** What cannot travel to another thread. */
export interface SimulatedSite {
  /** Measured kernels. */
  readonly kernels?: KernelChoice | undefined;
  /** The clock that steps take their time on. */
  readonly pacer?: Pacer | undefined;
}

/**
 * The same core as in a simulation, with the same memory and prices; each step takes its time.
 * @throws UsageError for what the settings name and does not exist, and for what cannot be.
 */
export async function createSimulatedEngine(
  args: SimulatedArgs,
  { kernels, pacer = new RealPacer() }: SimulatedSite = {},
): Promise<LoadedEngine> {
  const begin = performance.now();
  const { config, profile, timeScale = 1, lengths = { kind: 'sharegpt' } } = args;
  if (!(timeScale > 0 && Number.isFinite(timeScale))) {
    throw new UsageError(
      `timeScale is ${timeScale}, but must be a number above 0: real seconds a simulated one`,
    );
  }
  const full = completeConfig({ ...config, policy: config.policy ?? ['vllm'], replications: 1 });
  const [setup, other] = checkConfig(full, modelOf(args, full.model), {
    ...(kernels && { kernels }),
    ...(profile && { profile }),
  });
  if (!setup || other) {
    throw new UsageError(`an engine has one policy, not ${full.policy.length} (${full.policy.join(', ')})`);
  }
  const tokenizer = await openTokenizer(args.tokenizer);
  const start = pacer.now();
  const prices = new SimulatedExecutor(setup.cost, full.seed);
  const device = { pacer, prices, tokens: new SimulatedTokens(tokenizer, lengths), timeScale };
  let steps: SimulatedSteps | undefined;
  const engine = new Engine({
    policy: setup.policy,
    limits: setup.limits,
    memory: setup.createMemory(),
    runner: simulatedRunner(setup, tokenizer, pacer),
    detokenizer: prompt => tokenizer.detokenizer(prompt),
    structures: new StructureCompiler(tokenizer),
    seed: full.seed,
    clock: () => (pacer.now() - start) / timeScale,
    createExecutor: (...given) => {
      steps = new SimulatedSteps(...given, device);
      return steps;
    },
  });
  engine.listeners.add({
    detail: false,
    on: ({ type }) => {
      if (type === 'idle') steps?.paused();
    },
  });
  const { gpu, tensorParallel } = setup.cost.options;
  const name = tensorParallel > 1 ? `${tensorParallel} × ${gpu.name}` : gpu.name;
  return {
    engine,
    info: infoOf(engine, { backend: 'simulated', device: name, dtype: 'f16', begin }),
    cost: prices.total,
  };
}

function modelOf({ model }: SimulatedArgs, name: string): Model {
  const found = model ?? findModel(name);
  if (found) return found;
  throw unknownName(
    'model',
    name,
    models.map(known => known.name),
  );
}

async function openTokenizer(folder: string): Promise<Tokenizer> {
  const json = await readJson(join(folder, 'tokenizer.json'));
  return parseTokenizer(json, await readJsonIfThere(join(folder, 'tokenizer_config.json')), folder);
}

/** What an engine asks of a runner beside its tokens. */
function simulatedRunner(
  { cost, limits, slots }: EngineSetup,
  tokenizer: Tokenizer,
  pacer: Pacer,
): ModelRunner {
  return {
    config: configOf(cost.options.model, tokenizer),
    blockSize: limits.blockSize,
    numBlocks: Math.floor(slots / limits.blockSize),
    run: () => Promise.reject(new Error('a simulated GPU takes plans, not batches of tokens')),
    dispose: () => pacer.stop(),
  };
}

/** The shape of the simulated model, with the vocabulary of the tokenizer; what only numerics depend on is usual. */
function configOf(model: Model, tokenizer: Tokenizer): ModelConfig {
  const { layers, hidden, heads, kvHeads, headDim, intermediate, maxModelLen, tiedEmbeddings, qkNorm } =
    model;
  const { eosTokenId, bosTokenId, size } = tokenizer;
  return {
    architecture: model.title,
    layers,
    hidden,
    heads,
    kvHeads,
    headDim,
    intermediate,
    vocab: size,
    maxModelLen,
    rmsNormEps: 1e-5,
    tiedEmbeddings,
    qkvBias: model.bias !== 'none',
    qkNorm,
    ...(model.slidingWindow !== undefined && { slidingWindow: model.slidingWindow }),
    rope: { theta: 10_000 },
    eosTokenIds: eosTokenId === undefined ? [] : [eosTokenId],
    bosTokenId,
  };
}
