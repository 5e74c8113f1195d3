import { UsageError } from '../core/errors.ts';
import type { LLM } from '../engine/llm.ts';
import type { RequestOutput } from '../engine/outputs.ts';
import type { RunSummary } from '../engine/summary.ts';
import type { EventsOutput } from './events-output.ts';
import { asFlag, reworded } from './flag-words.ts';
import { number } from './format.ts';
import { checkTokenIds, type PromptEntry } from './generate-prompts.ts';
import { LiveEvents } from './live-events.ts';
import { type EngineJob, type LoadedEngine, loadEngine } from './load-engine.ts';
import { Progress } from './progress.ts';
import { StepRates } from './step-rates.ts';

export interface GenerateJob extends Omit<EngineJob, 'listener'> {
  readonly entries: readonly PromptEntry[];
  readonly events: EventsOutput;
}

/** What came of it, and on what. */
export interface GenerateRun extends GenerateJob, LoadedEngine {
  /** One for each entry, in their order. */
  readonly outputs: readonly RequestOutput[];
  readonly summary: RunSummary;
  readonly rates: StepRates;
}

/** Loads the model, completes the prompts and lets the device go. @throws UsageError for what cannot be served. */
export async function runGenerate(job: GenerateJob): Promise<GenerateRun> {
  const { entries, events, policy, config, source } = job;
  events.start();
  try {
    const live = new LiveEvents(events, policy.name);
    const loaded = await loadEngine({ ...job, listener: live.listener });
    const { llm } = loaded;
    try {
      live.attach(llm.engine);
      checkTokenIds(entries, llm.config.vocab);
      const rates = new StepRates();
      llm.engine.listeners.add(rates);
      const outputs = await complete(llm, entries);
      await events.finish(live.recordings({ ...config, model: source.name }));
      return { ...job, ...loaded, outputs, summary: llm.summary!, rates };
    } finally {
      llm.dispose();
    }
  } finally {
    events.discard();
  }
}

async function complete(llm: LLM, entries: readonly PromptEntry[]): Promise<RequestOutput[]> {
  const progress = new Progress();
  try {
    return await llm.generate(
      entries.map(({ prompt }) => prompt),
      entries.map(({ params }) => params),
      {
        onProgress: ({ finished, total, outputTokens, seconds }) => {
          const rate = seconds > 0 ? ` · ${number(outputTokens / seconds)} tokens/s` : '';
          progress.update(finished / total, `${finished} of ${total} prompts${rate}`);
        },
      },
    );
  } catch (error) {
    throw placed(reworded(error, asFlag), entries);
  } finally {
    progress.end();
  }
}

/** The library counts prompts; the user knows them by where they are from. */
function placed(error: unknown, entries: readonly PromptEntry[]): unknown {
  const match = error instanceof UsageError ? /^prompt (\d+) (.*)$/s.exec(error.message) : null;
  const entry = match && entries[Number(match[1]) - 1];
  return entry ? new UsageError(`${entry.place} ${match[2]}`) : error;
}
