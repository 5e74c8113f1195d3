import type { ModelConfig } from '../../src/backends/model/config.ts';
import { findPolicy } from '../../src/core/policies/registry.ts';
import type {
  Ask,
  EngineClient,
  EngineInfo,
  EngineStats,
  Heard,
  Ticket,
} from '../../src/engine/engine-client.ts';
import type { RequestOutput } from '../../src/engine/outputs.ts';
import { Sample } from '../../src/engine/sample.ts';
import type { Detokenizer } from '../../src/engine/sample-text.ts';
import { SequenceTokens } from '../../src/engine/sequence-tokens.ts';
import { StepTokens } from '../../src/engine/step-tokens.ts';
import { tinyConfig } from './tiny-model.ts';

export interface FakeOptions {
  readonly config?: Partial<ModelConfig>;
  readonly detokenizer?: (prompt: ArrayLike<number>) => Detokenizer;
  /** The token at a position of a sample's output; default: a small letter of the shipped tokenizer, the same for the same place. */
  readonly token?: (ask: Ask, sample: number, position: number) => number;
  /** Milliseconds of a step; absent: a turn of the event loop. `step` alone: `byHand`. */
  readonly pace?: number;
  readonly byHand?: boolean;
}

interface Open {
  readonly id: number;
  readonly ask: Ask;
  readonly heard: Heard;
  readonly samples: readonly Sample[];
  readonly arrival: number;
  firstToken: number;
  lastToken: number;
}

const BLOCK = 16;
const BLOCKS = 4096;

/** An engine that computes nothing: tokens are a function of their place, and it steps, stalls and dies on command. */
export class FakeEngine implements EngineClient {
  readonly info: EngineInfo;
  failure: Error | undefined;
  resets = 0;
  closed = false;
  steps = 0;
  readonly asks: Ask[] = [];
  readonly #options: FakeOptions;
  readonly #open = new Map<number, Open>();
  #timer: NodeJS.Timeout | undefined;
  #scheduled = false;
  readonly #stepTokens = new StepTokens();
  #promptTokens = 0;
  #outputTokens = 0;

  constructor(options: FakeOptions = {}) {
    this.#options = options;
    const config = tinyConfig(options.config);
    const limits = findPolicy('vllm')!.limits({
      gpuMemory: 0,
      isA100: false,
      maxModelLen: config.maxModelLen,
    });
    this.info = {
      policy: 'vllm',
      limits: { ...limits, maxModelLen: config.maxModelLen },
      config,
      backend: 'fake',
      device: 'none',
      dtype: 'f32',
      memory: { kind: 'paged', blockSize: BLOCK, numBlocks: BLOCKS },
      loadSeconds: 0,
    };
  }

  get open(): number {
    return this.#open.size;
  }

  async add(ask: Ask, heard: Heard): Promise<Ticket> {
    if (this.failure) throw this.failure;
    const id = this.asks.push(ask) - 1;
    const { params } = ask;
    const sources = SequenceTokens.samples(Int32Array.from(ask.promptTokenIds), params.n);
    const samples = sources.map(
      (tokens, i) => new Sample(i, tokens, params, this.#options.detokenizer?.(tokens.prompt)),
    );
    const arrival = performance.now() / 1000;
    this.#open.set(id, {
      id,
      ask,
      heard,
      samples,
      arrival,
      firstToken: Number.NaN,
      lastToken: Number.NaN,
    });
    this.#promptTokens += ask.promptTokenIds.length;
    this.#schedule();
    return { id, abort: () => this.#abort(id) };
  }

  #schedule(): void {
    const { byHand, pace } = this.#options;
    if (byHand || this.#scheduled || this.#open.size === 0) return;
    this.#scheduled = true;
    const next = () => {
      this.#scheduled = false;
      this.step();
      this.#schedule();
    };
    if (pace === undefined) setImmediate(next);
    else this.#timer = setTimeout(next, pace);
  }

  /** A token for each sample that is open. */
  step(): void {
    this.steps++;
    const fresh = [...this.#open.values()].filter(({ firstToken }) => Number.isNaN(firstToken));
    const before = this.#outputTokens;
    for (const open of [...this.#open.values()]) this.#grow(open);
    const prompts = fresh.reduce((sum, { ask }) => sum + ask.promptTokenIds.length, 0);
    this.#stepTokens.add(prompts + this.#outputTokens - before);
  }

  #grow(open: Open): void {
    const { ask, samples, heard } = open;
    const { token = letter } = this.#options;
    const time = performance.now() / 1000;
    if (Number.isNaN(open.firstToken)) open.firstToken = time;
    open.lastToken = time;
    for (const sample of samples) {
      if (sample.finishReason) continue;
      const position = sample.tokens.output.length;
      const id = token(ask, sample.index, position);
      const { logprobs } = ask.params;
      const top = logprobs === undefined ? undefined : topOf(id, logprobs);
      const ends = ask.params.ignoreEos ? [] : this.info.config.eosTokenIds;
      const ended = sample.push({ token: id, ...(top && { logprob: -0.5, top }) }, ends);
      if (ended) sample.end('stop');
      else if (position + 1 >= ask.params.maxTokens) sample.end('length');
      this.#outputTokens++;
      heard.update?.(sample.take(open.id));
    }
    if (samples.every(({ finishReason }) => finishReason)) this.#finish(open);
  }

  #finish(open: Open): void {
    this.#open.delete(open.id);
    open.heard.over(outputOf(open));
  }

  #abort(id: number): void {
    const open = this.#open.get(id);
    if (!open) return;
    for (const sample of open.samples) if (!sample.finishReason) sample.end('abort');
    this.#finish(open);
  }

  /** It dies, with all that it had. */
  fail(error: Error): void {
    this.failure = error;
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const { heard } of open) heard.failed(error);
  }

  stats(): EngineStats {
    const held = [...this.#open.values()].reduce(
      (sum, { samples }) =>
        sum + samples.reduce((blocks, { tokens }) => blocks + Math.ceil(tokens.length / BLOCK), 0),
      0,
    );
    return {
      time: performance.now() / 1000,
      running: this.#open.size,
      waiting: 0,
      waitingFor: undefined,
      usage: {
        token: held * BLOCK,
        reserved: 0,
        internal: 0,
        external: 0,
        cached: 0,
        free: (BLOCKS - held) * BLOCK,
      },
      steps: this.steps,
      stepTokens: this.#stepTokens.read(),
      busy: 0,
      promptTokens: this.#promptTokens,
      outputTokens: this.#outputTokens,
      preemptions: 0,
      recomputedTokens: 0,
      prefixQueries: 0,
      prefixHits: 0,
      devicesLost: 0,
    };
  }

  async resetPrefixCache(): Promise<void> {
    this.resets++;
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.#timer);
    for (const id of [...this.#open.keys()]) this.#abort(id);
    this.failure ??= new Error('the engine is closed');
  }
}

function letter({ promptTokenIds, params }: Ask, sample: number, position: number): number {
  const from = promptTokenIds.reduce((sum, id) => sum + id, params.seed ?? 0);
  return 67 + ((from * 31 + sample * 7 + position * position + position) % 26);
}

function topOf(id: number, count: number): (readonly [number, number])[] {
  return Array.from({ length: count }, (_, i) => [id + i, -0.5 - i] as const);
}

function outputOf({ id, ask, samples, arrival, firstToken, lastToken }: Open): RequestOutput {
  return {
    requestId: id,
    prompt: undefined,
    promptTokenIds: ask.promptTokenIds,
    outputs: samples.map(sample => sample.completion()),
    metrics: {
      arrival,
      firstScheduled: arrival,
      firstToken,
      lastToken,
      finished: performance.now() / 1000,
      preemptions: 0,
      cachedTokens: 0,
    },
  };
}
