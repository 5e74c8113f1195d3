import type { Histogram, Registry } from 'prom-client';
import { stepTokenBounds } from '../../engine/step-tokens.ts';
import type { ServedModel } from '../served-model.ts';
import { labelsOf } from './labels.ts';

const name = 'vllm:iteration_tokens_total';

/** The steps of all engines by their tokens: each engine has counted its own, and is read at each scrape. */
export function addIterationTokens(register: Registry, models: readonly ServedModel[]): void {
  const metric = {
    name,
    get: async () => ({
      name,
      help: 'Histogram of number of tokens per engine_step.',
      type: 'histogram',
      aggregator: 'sum',
      values: models.flatMap(seriesOf),
    }),
  };
  // A histogram of prom-client cannot be told counts, only one value after another; its registry needs this much of one.
  register.registerMetric(metric as unknown as Histogram);
}

function seriesOf(model: ServedModel) {
  const labels = labelsOf(model);
  const { counts, sum } = model.engine.stats().stepTokens;
  let upTo = 0;
  const buckets = counts.map((count, i) => ({
    metricName: `${name}_bucket`,
    labels: { le: stepTokenBounds[i] ?? '+Inf', ...labels },
    value: (upTo += count),
  }));
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: upTo },
  ];
}
