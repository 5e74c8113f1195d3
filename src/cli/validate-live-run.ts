import { readdir } from 'node:fs/promises';
import { readConfig } from '../backends/model/load.ts';
import { UsageError } from '../core/errors.ts';
import type { FullConfig } from '../sim/build-workload.ts';
import { composePolicy } from '../sim/check-config.ts';
import type { Config } from '../sim/config.ts';
import { encodeRecordings } from '../trace/recording-file.ts';
import { announceBackend } from './chosen-backend.ts';
import { commandLine } from './command-line.ts';
import { EventsOutput } from './events-output.ts';
import { liveConfig } from './live-config.ts';
import { loadEngine } from './load-engine.ts';
import { findModelFolder } from './model-source.ts';
import { OutputFile } from './output-file.ts';
import { pagePath, pageWith, readPage } from './page.ts';
import type { ValidateLiveFlags } from './validate-live.ts';
import { compareLive } from './validate-live-compare.ts';
import { liveComparisonHtml } from './validate-live-html.ts';
import { beyond, type LiveComparison, liveComparisonText, liveTitle } from './validate-live-text.ts';
import { version } from './version.ts';
import { warmUp } from './warm-up.ts';

/** Requests of a run: means of fewer are chance. */
const REQUESTS = 64;

/**
 * `quire validate live`.
 * @param pageFile of `--html`.
 * @throws UsageError when the model, the machine or the settings do not allow it.
 */
export async function validateLive(
  asked: Config,
  flags: ValidateLiveFlags,
  pageFile = pagePath,
): Promise<void> {
  refuse(asked);
  const inputs = [asked.trace];
  const page = flags.html === undefined ? undefined : await readPage(pageFile);
  const html = flags.html === undefined ? undefined : new OutputFile('--html', flags.html, inputs);
  const events = new EventsOutput(flags.events ?? [], inputs, html);
  const jsonl = events.paths.find(path => path.endsWith('.jsonl'));
  if (jsonl !== undefined) {
    throw new UsageError(`--events ${jsonl}: lines of events are of one run, and there are two; take .quire`);
  }
  const chosen = await announceBackend(flags);
  const source = await findModelFolder(asked.model, flags);
  const { maxModelLen } = await readConfig(source.folder, await readdir(source.folder));
  const counted = asked.trace === undefined ? { num_prompts: REQUESTS } : {};
  const config: FullConfig = {
    ...liveConfig({ policy: ['vllm'], ...counted, ...asked }, maxModelLen),
    model: source.name,
    gpu: chosen.backend,
  };
  const policy = composePolicy(config.policy[0]!, config);
  const { llm } = await loadEngine({ source, chosen, flags, config, policy, listener: undefined });
  try {
    const { engine, limits } = llm;
    await warmUp(engine.runner, Math.min(8, limits.maxNumSeqs), Math.min(64, limits.maxModelLen - 1));
    const { comparison, recordings } = await compareLive(engine, {
      config,
      seconds: flags.calibrateFor,
      device: { device: chosen.device, backend: chosen.backend, dtype: chosen.dtype },
      suitRate: asked.trace === undefined && asked.request_rate === undefined,
    });
    await events.finish(recordings);
    if (html) {
      await html.write(
        pageWith(page!, {
          title: `Quire: ${liveTitle(comparison)}`,
          recordings: await encodeRecordings(recordings),
          text: liveComparisonHtml(comparison),
        }),
      );
    }
    print(comparison, flags, [...events.paths, ...(html ? [html.path] : [])]);
  } finally {
    llm.dispose();
  }
}

function refuse({ policy, workload }: Config): void {
  if (policy && policy.length > 1) {
    throw new UsageError(`--policy ${policy.join(',')}: validate live runs one policy at a time; name one`);
  }
  if (workload === 'closed-loop' || workload === 'chat') {
    throw new UsageError(
      `--workload ${workload}: its requests hang on when answers come, so that the two runs would be of different ` +
        'requests; take uniform, lognormal, sharegpt or a trace',
    );
  }
}

function print(
  comparison: LiveComparison,
  { json, within }: ValidateLiveFlags,
  written: readonly string[],
): void {
  if (json) {
    const document = { quire: { version, command: commandLine() }, ...comparison };
    process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  } else {
    const files = written.length > 0 ? `\n\nwritten: ${written.join(', ')}` : '';
    process.stdout.write(`${liveComparisonText(comparison)}${files}\n`);
  }
  const crossed = within === undefined ? [] : beyond(comparison, within / 100);
  for (const line of crossed) process.stderr.write(`bound crossed: ${line}\n`);
  if (crossed.length > 0) process.exitCode = 1;
}
