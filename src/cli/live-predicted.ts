import type { ModelConfig } from '../backends/model/config.ts';
import { createMemory } from '../core/memory/create.ts';
import type { Engine } from '../engine/engine.ts';
import type { Model } from '../sim/models/model.ts';
import { Simulation } from '../sim/simulation.ts';
import type { Arrival } from '../sim/workload/workload.ts';
import { Recorder } from '../trace/recorder.ts';
import type { Recording } from '../trace/recording.ts';
import { FittedCost } from '../validation/live/fitted-cost.ts';
import type { StepFit } from '../validation/live/step-fit.ts';

/**
 * The same policy, limits, memory and requests as the engine's, in a simulation whose steps cost what the fit says.
 * Nothing is added for an API (`apiPerRequest` of the profiles): both runs are timed at the engine, whose requests
 * come as token ids from its own process.
 */
export function predict(
  engine: Engine,
  fit: StepFit,
  arrivals: readonly Arrival[],
  { name, config }: { readonly name: string; readonly config: Readonly<Record<string, unknown>> },
): Recording {
  const { policy, limits, memory: real } = engine.scheduler;
  const model = modelOf(engine.runner.config);
  const { slidingWindow } = model;
  const memory = createMemory(policy.memory, limits, {
    slots: real.capacity,
    ...(slidingWindow !== undefined && { slidingWindow }),
  });
  const recorder = new Recorder();
  const simulation = new Simulation({
    policy,
    limits,
    memory,
    cost: new FittedCost(fit, model, limits.blockSize),
    seed: 0,
    // As they were asked for: to the token.
    maxTokens: ({ outputTokens }) => Math.max(...outputTokens),
    workload: {},
    listener: recorder,
  });
  recorder.attach({ memory, scheduler: simulation.scheduler, cost: simulation.executor.total });
  simulation.offer([...arrivals].sort((a, b) => a.arrival - b.arrival));
  simulation.close();
  simulation.run();
  return recorder.finish(name, config);
}

/** The shape of a model that is there. */
function modelOf(config: ModelConfig): Model {
  const { architecture, layers, hidden, heads, kvHeads, headDim, intermediate, vocab, maxModelLen } = config;
  const { tiedEmbeddings, qkvBias, qkNorm, slidingWindow } = config;
  return {
    name: architecture,
    title: architecture,
    layers,
    hidden,
    heads,
    kvHeads,
    headDim,
    intermediate,
    vocab,
    maxModelLen,
    gatedMlp: true,
    tiedEmbeddings,
    learnedPositions: 0,
    ...(slidingWindow !== undefined && { slidingWindow }),
    qkNorm,
    bias: qkvBias ? 'qkv' : 'none',
    source: 'the model that ran',
  };
}
