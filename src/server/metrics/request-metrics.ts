import { Counter, Histogram, type Registry } from 'prom-client';
import type { Seconds } from '../../core/units.ts';
import type { Ask } from '../../engine/engine-client.ts';
import type { RequestOutput } from '../../engine/outputs.ts';
import type { Choice } from '../choice.ts';
import type { ServedModel } from '../served-model.ts';
import * as buckets from './buckets.ts';
import { labelsOf, modelLabels } from './labels.ts';

/** Told as requests go: names, types, labels and buckets are vLLM's. */
export class RequestMetrics {
  readonly #register: Registry;
  readonly #success: Counter<string>;
  readonly #promptTokens: Histogram<string>;
  readonly #generationTokens: Histogram<string>;
  readonly #maxGenerationTokens: Histogram<string>;
  readonly #maxTokens: Histogram<string>;
  readonly #n: Histogram<string>;
  readonly #computed: Histogram<string>;
  readonly #firstToken: Histogram<string>;
  readonly #nextToken: readonly Histogram<string>[];
  readonly #perToken: Histogram<string>;
  readonly #e2e: Histogram<string>;
  readonly #queue: Histogram<string>;
  readonly #inference: Histogram<string>;
  readonly #prefill: Histogram<string>;
  readonly #decode: Histogram<string>;

  constructor(register: Registry, models: readonly ServedModel[], showHidden: boolean) {
    this.#register = register;
    this.#success = new Counter({
      name: 'vllm:request_success_total',
      help: 'Count of successfully processed requests; each sample is one.',
      labelNames: [...modelLabels, 'finished_reason'],
      registers: [register],
    });
    const lengths = buckets.oneTwoFive(
      Math.max(...models.map(({ engine }) => engine.info.limits.maxModelLen)),
    );
    const { latency } = buckets;
    const tokens = (name: string, help: string) => this.#histogram(name, help, lengths);
    const seconds = (name: string, help: string) => this.#histogram(name, help, latency);
    this.#promptTokens = tokens('vllm:request_prompt_tokens', 'Number of prefill tokens processed.');
    this.#generationTokens = tokens(
      'vllm:request_generation_tokens',
      'Number of generation tokens processed.',
    );
    this.#maxGenerationTokens = tokens(
      'vllm:request_max_num_generation_tokens',
      'Most generation tokens of the samples of a request.',
    );
    this.#maxTokens = tokens('vllm:request_params_max_tokens', 'The max_tokens request parameter.');
    this.#computed = tokens(
      'vllm:request_prefill_kv_computed_tokens',
      'Prompt tokens whose KV was computed, not found in the prefix cache.',
    );
    this.#n = this.#histogram('vllm:request_params_n', 'The n request parameter.', buckets.samples);
    this.#firstToken = this.#histogram(
      'vllm:time_to_first_token_seconds',
      'Time to first token in seconds.',
      buckets.firstToken,
    );
    const between = (name: string, help: string) => this.#histogram(name, help, buckets.betweenTokens);
    this.#nextToken = [
      between('vllm:inter_token_latency_seconds', 'Inter-token latency in seconds.'),
      ...(showHidden
        ? [between('vllm:time_per_output_token_seconds', 'Retired: vllm:inter_token_latency_seconds.')]
        : []),
    ];
    this.#perToken = between(
      'vllm:request_time_per_output_token_seconds',
      'Mean time per output token of a request in seconds.',
    );
    this.#e2e = seconds('vllm:e2e_request_latency_seconds', 'End to end request latency in seconds.');
    this.#queue = seconds('vllm:request_queue_time_seconds', 'Time spent in WAITING phase.');
    this.#inference = seconds('vllm:request_inference_time_seconds', 'Time spent in RUNNING phase.');
    this.#prefill = seconds('vllm:request_prefill_time_seconds', 'Time spent in PREFILL phase.');
    this.#decode = seconds('vllm:request_decode_time_seconds', 'Time spent in DECODE phase.');
    // Series that exist from the start: rates of what has not happened are 0, not absent.
    for (const model of models) {
      for (const reason of ['stop', 'length', 'abort', 'error']) {
        this.#success.inc({ ...labelsOf(model), finished_reason: reason }, 0);
      }
    }
  }

  #histogram(name: string, help: string, bounds: readonly number[]): Histogram<string> {
    return new Histogram({
      name,
      help,
      labelNames: modelLabels,
      buckets: [...bounds],
      registers: [this.#register],
    });
  }

  firstToken(model: ServedModel, time: Seconds): void {
    this.#firstToken.observe(labelsOf(model), time);
  }

  nextToken(model: ServedModel, time: Seconds): void {
    for (const histogram of this.#nextToken) histogram.observe(labelsOf(model), time);
  }

  failed(model: ServedModel, samples: number): void {
    this.#success.inc({ ...labelsOf(model), finished_reason: 'error' }, samples);
  }

  /** A prompt is over. Times that it did not come to are not observed. */
  finished(
    model: ServedModel,
    { metrics }: RequestOutput,
    { params, promptTokenIds }: Ask,
    choices: readonly Choice[],
  ): void {
    const labels = labelsOf(model);
    const observe = (histogram: Histogram<string>, value: number) => {
      if (!Number.isNaN(value)) histogram.observe(labels, value);
    };
    const lengths = choices.map(({ tokenIds }) => tokenIds.length);
    for (const [i, { finishReason = 'abort' }] of choices.entries()) {
      this.#success.inc({ ...labels, finished_reason: finishReason });
      observe(this.#generationTokens, lengths[i]!);
    }
    const longest = Math.max(...lengths);
    observe(this.#promptTokens, promptTokenIds.length);
    observe(this.#maxGenerationTokens, longest);
    observe(this.#maxTokens, params.maxTokens);
    observe(this.#n, params.n);
    observe(this.#computed, promptTokenIds.length - metrics.cachedTokens);
    const { arrival, firstScheduled, firstToken, lastToken, finished } = metrics;
    observe(this.#e2e, finished - arrival);
    observe(this.#queue, firstScheduled - arrival);
    observe(this.#prefill, firstToken - firstScheduled);
    observe(this.#decode, lastToken - firstToken);
    observe(this.#inference, lastToken - firstScheduled);
    if (longest > 1) observe(this.#perToken, (lastToken - firstToken) / (longest - 1));
  }
}
