import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import type { Seconds } from '../../core/units.ts';
import type { Ask } from '../../engine/engine-client.ts';
import type { RequestOutput } from '../../engine/outputs.ts';
import { type Call, generatingEndpoints } from '../call.ts';
import type { Choice } from '../choice.ts';
import type { ServerOptions } from '../options.ts';
import { outcomes } from '../outcome.ts';
import type { ServedModel } from '../served-model.ts';
import { addEngineMetrics } from './engine-metrics.ts';
import { addIterationTokens } from './iteration-tokens.ts';
import { labelsOf, modelLabels } from './labels.ts';
import { RequestMetrics } from './request-metrics.ts';

/** All that `/metrics` tells. */
export class ServerMetrics {
  readonly #register = new Registry();
  readonly #requests: RequestMetrics;
  readonly #ended: Counter<string>;

  constructor(models: readonly ServedModel[], options: Pick<ServerOptions, 'showHiddenMetrics'>) {
    const { showHiddenMetrics } = options;
    const register = this.#register;
    addEngineMetrics(register, models, showHiddenMetrics);
    this.#requests = new RequestMetrics(register, models, showHiddenMetrics);
    addIterationTokens(register, models);
    this.#ended = new Counter({
      name: 'quire:requests_ended_total',
      help: 'Requests to the endpoints that generate, by the one way in which each ended.',
      labelNames: [...modelLabels, 'endpoint', 'outcome'],
      registers: [register],
    });
    for (const model of models) {
      for (const outcome of outcomes) {
        for (const endpoint of generatingEndpoints) {
          this.#ended.inc({ ...labelsOf(model), endpoint, outcome }, 0);
        }
      }
    }
    collectDefaultMetrics({ register });
  }

  get contentType(): string {
    return this.#register.contentType;
  }

  /** In the exposition format of Prometheus. */
  async text(): Promise<string> {
    return await this.#register.metrics();
  }

  /** Seconds from the arrival of the request. */
  firstToken(model: ServedModel, time: Seconds): void {
    this.#requests.firstToken(model, time);
  }

  /** Seconds from the token before it. */
  nextToken(model: ServedModel, time: Seconds): void {
    this.#requests.nextToken(model, time);
  }

  /** A prompt is over. */
  finished(model: ServedModel, output: RequestOutput, ask: Ask, choices: readonly Choice[]): void {
    this.#requests.finished(model, output, ask, choices);
  }

  /** Prompts that the engine took with it. */
  failed(model: ServedModel, samples: number): void {
    this.#requests.failed(model, samples);
  }

  /** A request is over, one way or another; one that did not come to name a model has none. */
  ended({ model, endpoint, outcome }: Call): void {
    const labels = model ? labelsOf(model) : { model_name: '', engine: '' };
    this.#ended.inc({ ...labels, endpoint, outcome: outcome! });
  }
}
