import type { ModelConfig } from '../backends/model/config.ts';
import { modelFolder } from '../backends/model/hub.ts';
import { loadModel } from '../backends/model/load.ts';
import type { Weights } from '../backends/model/weights.ts';
import type { ModelRunner } from '../backends/model-runner.ts';
import { quoted, UsageError } from '../core/errors.ts';
import type { Listener } from '../core/events.ts';
import { createMemory } from '../core/memory/create.ts';
import type { Limits, Policy } from '../core/policies/policy.ts';
import { findPolicy, policies } from '../core/policies/registry.ts';
import type { Seconds, Tokens } from '../core/units.ts';
import { completeParams, type SamplingOptions } from './complete-params.ts';
import { type BackendOptions, createRunner } from './create-runner.ts';
import { Engine } from './engine.ts';
import { fittedLimits, type LimitOptions, wishedLimits } from './engine-limits.ts';
import type { GenerationRequest } from './generation-request.ts';
import type { RequestOutput, SampleUpdate } from './outputs.ts';
import { isList, type Prompt, promptList } from './prompt.ts';
import type { Detokenizer } from './sample-text.ts';
import { StructureCompiler } from './structured/structure-compiler.ts';
import type { Spelling } from './structured/vocabulary.ts';
import { type RunSummary, Summary } from './summary.ts';

/** The part of a tokenizer that an LLM needs; with its spelling outputs can be held to a structure. */
export interface TextCodec extends Partial<Spelling> {
  readonly bosTokenId?: number | undefined;
  encode(text: string): number[];
  detokenizer(prompt: ArrayLike<number>): Detokenizer;
}

interface EngineChoices extends LimitOptions {
  /** By name, or one of your own. Default `vllm`. */
  readonly policy?: string | Policy | undefined;
  /** Of requests that bring none. Default 0. */
  readonly seed?: number | undefined;
  /** Hears what happens, as in a simulation: `Metrics`, `Recorder`. */
  readonly listener?: Listener | undefined;
}

export interface LlmOptions extends EngineChoices, BackendOptions {
  /** A folder, or `owner/name` of the hub. */
  readonly model: string;
}

export interface LlmParts extends EngineChoices {
  readonly config: ModelConfig;
  readonly tokenizer?: TextCodec | undefined;
  /** Makes the runner, and makes it again when its device was lost. */
  readonly createRunner: (limits: Limits) => Promise<ModelRunner>;
  /** What the policy's defaults are to count on, in bytes. */
  readonly gpuMemory?: number | undefined;
}

export interface Progress {
  readonly finished: number;
  readonly total: number;
  readonly outputTokens: Tokens;
  readonly seconds: Seconds;
}

export interface GenerateOptions {
  /** After each step that finished a request or drew a token. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** With the place of its prompt. */
  readonly onUpdate?: ((update: SampleUpdate, prompt: number) => void) | undefined;
  /** Ends what runs; outputs then have the finish reason `abort`. */
  readonly signal?: AbortSignal | undefined;
}

/** Offline batch generation, in the shape of vLLM's `LLM`. */
export class LLM {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly policy: Policy;
  readonly limits: Limits;
  /** Of the last `generate`. */
  summary: RunSummary | undefined;
  readonly #tokenizer: TextCodec | undefined;
  #generating = false;
  #disposed = false;

  private constructor(engine: Engine, policy: Policy, limits: Limits, tokenizer: TextCodec | undefined) {
    this.engine = engine;
    this.config = engine.runner.config;
    this.policy = policy;
    this.limits = limits;
    this.#tokenizer = tokenizer;
  }

  /** @throws UsageError when the model, the machine or the options do not allow it. */
  static async load(options: LlmOptions): Promise<LLM> {
    checkNames(options);
    const folder = await modelFolder(options.model);
    const { config, tokenizer, weights } = await loadModel(folder);
    let opened: Weights | undefined = weights;
    try {
      return await LLM.create({
        ...options,
        config,
        tokenizer,
        // A lost device needs the weights once more; until then they need not be held.
        createRunner: async limits => {
          const open = opened ?? (await loadModel(folder)).weights;
          opened = undefined;
          try {
            return await createRunner(config, open, limits, options);
          } finally {
            await open.close();
          }
        },
      });
    } finally {
      // Refused before the backend was asked.
      await opened?.close();
    }
  }

  /** From parts: a runner of one's own, a model without text. @throws UsageError as `load`. */
  static async create(parts: LlmParts): Promise<LLM> {
    const { config, tokenizer, seed, listener } = parts;
    const policy = policyOf(parts.policy ?? 'vllm');
    const { blockSize, maxModelLen, maxNumBatchedTokens, maxNumSeqs } = parts;
    const wished = wishedLimits(
      policy,
      { gpuMemory: parts.gpuMemory ?? 0, isA100: false, maxModelLen: config.maxModelLen },
      { blockSize, maxModelLen, maxNumBatchedTokens, maxNumSeqs },
    );
    const runner = await parts.createRunner(wished);
    try {
      const slots = runner.numBlocks * runner.blockSize;
      const limits = fittedLimits(policy, wished, slots, maxModelLen);
      const { slidingWindow } = config;
      // No host memory: backends cannot move blocks there, and what would be swapped is computed again.
      const memory = createMemory(policy.memory, limits, {
        slots,
        ...(slidingWindow !== undefined && { slidingWindow }),
      });
      const engine = new Engine({
        policy,
        limits,
        memory,
        runner,
        recreate: () => parts.createRunner(wished),
        detokenizer: tokenizer && (prompt => tokenizer.detokenizer(prompt)),
        structures: tokenizer && spells(tokenizer) ? new StructureCompiler(tokenizer) : undefined,
        seed,
        listener,
      });
      return new LLM(engine, policy, limits, tokenizer);
    } catch (error) {
      runner.dispose();
      throw error;
    }
  }

  /**
   * Completes prompts, batched as the policy batches; outputs are in the order of the prompts.
   * @param params for all, or one for each prompt.
   * @throws UsageError for what is no prompt, and for one that can never be served (longer than the context …),
   * before any is run.
   */
  async generate(
    prompts: Prompt | readonly Prompt[],
    params: SamplingOptions | readonly SamplingOptions[] = {},
    options: GenerateOptions = {},
  ): Promise<RequestOutput[]> {
    const list = promptList(prompts);
    if (this.#disposed) throw new UsageError('this LLM was disposed of: load another');
    if (this.#generating)
      throw new UsageError('generate is running already: wait for it, or pass all prompts at once');
    this.#generating = true;
    const { engine } = this;
    const summary = new Summary(engine.scheduler.memory.capacity, engine.clock());
    engine.listeners.add(summary);
    try {
      const outputs = await this.#generate(list, params, options);
      this.summary = summary.finish(engine.clock());
      return outputs;
    } finally {
      engine.listeners.remove(summary);
      this.#generating = false;
    }
  }

  async #generate(
    prompts: readonly Prompt[],
    params: SamplingOptions | readonly SamplingOptions[],
    { onProgress, onUpdate, signal }: GenerateOptions,
  ): Promise<RequestOutput[]> {
    if (isList(params) && params.length !== prompts.length) {
      throw new UsageError(
        `${params.length} sampling parameters for ${prompts.length} prompts: give one, or as many`,
      );
    }
    const shared = isList(params) ? undefined : completeParams(params);
    const specs = prompts.map((prompt, i) => ({
      ...this.#tokenize(prompt),
      params: shared ?? completeParams((params as readonly SamplingOptions[])[i]),
    }));
    const { engine } = this;
    const start = engine.clock();
    const outputs: RequestOutput[] = [];
    let finished = 0;
    let outputTokens = 0;
    const progress = () =>
      onProgress?.({ finished, total: specs.length, outputTokens, seconds: engine.clock() - start });
    const requests: GenerationRequest[] = [];
    const abort = () => {
      for (const request of requests) engine.abort(request);
    };
    try {
      for (const [i, spec] of specs.entries()) {
        const added = engine.add({
          ...spec,
          onUpdate: update => {
            outputTokens += update.tokenIds.length;
            onUpdate?.(update, i);
          },
          onFinish: output => {
            outputs[i] = output;
            finished++;
          },
        });
        if ('rejected' in added) throw new UsageError(`prompt ${i + 1} cannot be served: ${added.rejected}`);
        requests.push(added);
      }
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
      progress();
      await engine.drain(progress);
    } catch (error) {
      abort();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return outputs;
  }

  #tokenize(prompt: Prompt): { prompt: string | undefined; promptTokenIds: readonly number[] } {
    if (typeof prompt !== 'string') return { prompt: prompt.prompt, promptTokenIds: prompt.promptTokenIds };
    if (!this.#tokenizer) throw new UsageError('a prompt of text needs a tokenizer: give promptTokenIds');
    const ids = this.#tokenizer.encode(prompt);
    if (ids.length > 0) return { prompt, promptTokenIds: ids };
    const start = this.#tokenizer.bosTokenId ?? this.config.bosTokenId;
    if (start === undefined) {
      throw new UsageError(
        'an empty prompt stands for the start token, which this model does not have: give some text',
      );
    }
    return { prompt, promptTokenIds: [start] };
  }

  dispose(): void {
    this.#disposed = true;
    this.engine.dispose();
  }
}

function spells(tokenizer: TextCodec): tokenizer is TextCodec & Spelling {
  return tokenizer.size !== undefined && tokenizer.specialIds !== undefined && tokenizer.token !== undefined;
}

const optionNames: readonly string[] = [
  'model',
  'policy',
  'seed',
  'listener',
  'blockSize',
  'maxModelLen',
  'maxNumSeqs',
  'maxNumBatchedTokens',
  'backend',
  'adapter',
  'unsafeFast',
  'tune',
  'dtype',
  'gpuMemory',
  'numBlocks',
  'onLoad',
  'warn',
] satisfies readonly (keyof LlmOptions)[];

/** Plain JavaScript has nobody else to say so. */
function checkNames(options: LlmOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw new UsageError(
      `options is ${quoted(options)}, but must be an object such as {model: 'owner/name'}`,
    );
  }
  const unknown = Object.keys(options).find(name => !optionNames.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no option ${quoted(unknown)}: there are ${optionNames.join(', ')}`);
  }
  if (typeof options.model !== 'string') {
    throw new UsageError(`model is ${quoted(options.model)}: name a folder, or owner/name of the hub`);
  }
}

function policyOf(policy: string | Policy): Policy {
  if (typeof policy !== 'string') return policy;
  const found = findPolicy(policy);
  if (found) return found;
  throw new UsageError(
    `there is no policy ${quoted(policy)}: there are ${policies.map(({ name }) => name).join(', ')}`,
  );
}
