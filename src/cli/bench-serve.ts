import type { Command } from 'commander';
import { benchMetrics } from '../client/bench-metrics.ts';
import { benchResult, withoutDetails } from '../client/bench-result.ts';
import { BenchServe } from '../client/bench-serve.ts';
import { benchTable } from '../client/bench-table.ts';
import { HttpClient } from '../client/http-client.ts';
import { firstModel } from '../client/models.ts';
import type { OpenLoopRun } from '../client/open-loop.ts';
import { PromptWriter } from '../client/prompt-writer.ts';
import { waitForServer } from '../client/ready.ts';
import { sendTimes } from '../client/send-times.ts';
import { ServerError } from '../client/server-error.ts';
import {
  findVocabulary,
  ServerTokenizer,
  supposedVocabulary,
  type Vocabulary,
} from '../client/vocabulary.ts';
import { dateText, resultFile, saveResult } from './bench-serve-file.ts';
import { addBenchFlags, type BenchFlags } from './bench-serve-flags.ts';
import { type BenchPlan, benchPlan } from './bench-serve-plan.ts';
import { BenchProgress } from './bench-serve-progress.ts';
import { benchSamples } from './bench-serve-samples.ts';
import { failuresText, promptsText, recordNotes, trafficText } from './bench-serve-text.ts';

export function benchCommand(program: Command): void {
  const bench = program.command('bench').description('measures a server that is running');
  const serve = bench
    .command('serve')
    .description(
      'sends requests to an OpenAI-compatible server at their times, in the manner of vllm bench serve',
    );
  addBenchFlags(serve).action(async (flags: BenchFlags) => {
    await interruptible(benchPlan(flags, process.env));
  });
}

/** The first SIGINT ends the run with what came so far; a second one ends it as usual. */
async function interruptible(plan: BenchPlan): Promise<void> {
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once('SIGINT', onInterrupt);
  const { signal } = interrupt;
  const client = new HttpClient({ baseUrl: plan.baseUrl, headers: plan.headers, signal });
  try {
    await benchServe(plan, client, signal);
  } catch (error) {
    if (!signal.aborted && !(error instanceof ServerError)) throw error;
    const said = signal.aborted ? 'interrupted before the first request was sent' : (error as Error).message;
    process.stderr.write(`quire: ${said}\n`);
    process.exitCode = 1;
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    client.close();
  }
  if (signal.aborted) process.exitCode = 130;
}

async function benchServe(plan: BenchPlan, client: HttpClient, signal: AbortSignal): Promise<void> {
  const { flags, requestRate } = plan;
  const say = (text: string) => (flags.json ? process.stderr : process.stdout).write(`${text}\n`);
  const timeout = flags.readyCheckTimeoutSec;
  if (timeout > 0) {
    say(`Waiting for endpoint to become up in ${timeout} seconds`);
    await waitForServer(client, { timeout, signal });
  }
  const model = flags.model ?? (await firstModel(client));
  if (flags.model === undefined) say(`Model: ${model}, the first that the server lists`);
  const date = dateText(new Date());
  const file = resultFile(flags, { model, requestRate, date });
  const bench = await prepared(plan, client, model, signal, say);
  if (timeout > 0) {
    say('Starting initial single prompt test run...');
    await bench.waitUntilReady({ timeout });
    say('Initial test run completed.');
  }
  if (flags.numWarmups > 0) {
    say(`Warming up with ${flags.numWarmups} requests...`);
    await bench.warmUp(flags.numWarmups);
    say('Warmup run completed.');
  }
  signal.throwIfAborted();
  say(`Starting main benchmark run...\n${trafficText(plan)}`);
  const run = await watched(bench, flags.disableTqdm ?? false);
  const metrics = benchMetrics(run.records, run.duration, plan.metrics);
  const { backend, label, burstiness, maxConcurrency } = flags;
  const setup = {
    date,
    backend,
    label,
    model,
    numPrompts: bench.count,
    interrupted: signal.aborted,
    metadata: plan.metadata,
    requestRate,
    burstiness,
    maxConcurrency,
  };
  const detailed = benchResult(setup, metrics, run.records, run.duration);
  const result = flags.saveDetailed ? detailed : withoutDetails(detailed);
  const failures = failuresText(run.records);
  if (failures) process.stderr.write(`${failures}\n`);
  if (flags.json) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  else say(benchTable(metrics, { maxConcurrency, requestRate, duration: run.duration }));
  for (const note of recordNotes(run.records)) say(note);
  if (file) {
    await saveResult(file, result, flags.appendResult ?? false);
    say(`results: ${file.path}`);
  }
  if (signal.aborted) {
    const { length } = run.records;
    process.stderr.write(
      `quire: interrupted: ${length} of ${bench.count} requests were over, ${run.givenUp} under way were given up\n`,
    );
  } else if (metrics.completed === 0) {
    process.stderr.write(`quire: all ${metrics.failed} requests failed\n`);
    process.exitCode = 1;
  }
}

async function prepared(
  plan: BenchPlan,
  client: HttpClient,
  model: string,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<BenchServe> {
  const { flags, api, path, selfTimed, requestRate, ignoreEos, extraBody, requestIdPrefix } = plan;
  const tokenizer = new ServerTokenizer(client, model);
  const vocabulary = await vocabularyOf(tokenizer);
  signal.throwIfAborted();
  const { seed, promptType: type, vocabSize, burstiness, maxConcurrency } = flags;
  const writer = new PromptWriter({ type, vocabulary, vocabSize, seed });
  const { requests, notes } = await benchSamples(plan, async texts =>
    vocabulary.isExact ? await tokenizer.count(texts) : texts.map(text => Math.ceil(text.length / 4)),
  );
  say(promptsText(plan, vocabulary));
  for (const note of notes) say(`note: ${note}`);
  return new BenchServe({
    client,
    api,
    path,
    requests,
    writer,
    defaults: { model, ignoreEos, extraBody },
    times: sendTimes(requests, { rate: requestRate, burstiness, seed, selfTimed }),
    maxConcurrency,
    requestIdPrefix,
    keepText: flags.saveDetailed ?? false,
    signal,
  });
}

/** Without a tokenizer to ask, words are taken for tokens; a server that is not there at all, the requests will tell. */
async function vocabularyOf(tokenizer: ServerTokenizer): Promise<Vocabulary> {
  try {
    return await findVocabulary(tokenizer);
  } catch (error) {
    if (error instanceof ServerError) return supposedVocabulary;
    throw error;
  }
}

async function watched(bench: BenchServe, isSilent: boolean): Promise<OpenLoopRun> {
  if (isSilent) return await bench.run();
  const progress = new BenchProgress(bench, bench.count);
  try {
    return await bench.run();
  } finally {
    progress.end();
  }
}
