import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { compareLive } from '../../src/cli/validate-live-compare.ts';
import { liveComparisonHtml } from '../../src/cli/validate-live-html.ts';
import { validateLive } from '../../src/cli/validate-live-run.ts';
import { beyond, liveComparisonText, unsteady } from '../../src/cli/validate-live-text.ts';
import type { Pacer } from '../../src/engine/pacer.ts';
import { createSimulatedEngine } from '../../src/engine/simulated-engine.ts';
import { completeConfig } from '../../src/sim/check-config.ts';
import { createRng } from '../../src/sim/rng.ts';
import { decodeRecordings } from '../../src/trace/recording-file.ts';
import { boundFigures, errorOf, figureNames, figuresOf } from '../../src/validation/live/served.ts';
import type { StepSizes } from '../../src/validation/live/step-features.ts';
import { expectedSeconds, fitSteps, paceOf, pacesOf, scaledFit } from '../../src/validation/live/step-fit.ts';
import type { StepSample } from '../../src/validation/live/step-samples.ts';
import { trainingWorkload } from '../../src/validation/live/training-workload.ts';
import { shipped } from '../server/serving.ts';
import { sharedBrowser } from '../support/browser.ts';
import { builtPage } from '../support/built-page.ts';
import { folder, quire, refuse } from '../support/cli.ts';
import { storiesFolder } from '../support/stories.ts';

const browser = sharedBrowser();

const escapeRegExp = (text: string) => text.replaceAll(/[.+/]/g, '\\$&');

/** Steps of all sizes. */
function sizes(count: number): StepSizes[] {
  const random = createRng(1, 'sizes');
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  return Array.from({ length: count }, () => {
    const decodes = upTo(40);
    const prefills = random() < 0.5 ? [{ rows: 1, chunk: 1 + upTo(500), past: upTo(300) }] : [];
    const chunk = prefills[0]?.chunk ?? 0;
    const sequences = Math.max(1, decodes + prefills.length);
    return {
      tokens: Math.max(1, decodes + chunk),
      sampled: sequences,
      sequences,
      decodeKv: decodes * upTo(400),
      prefills,
    };
  });
}

/** Flat in the rows up to 64, then linear; attention on top: half made of what the fit knows, half not. */
const device = ({ tokens, sequences, decodeKv, prefills }: StepSizes) =>
  2e-3 +
  Math.max(0, tokens - 64) * 30e-6 +
  sequences * 20e-6 +
  decodeKv * 0.2e-6 +
  prefills.reduce((sum, { chunk, past }) => sum + chunk * (past + chunk / 2) * 10e-9, 0);

test('a device is known by its steps, though they are noisy and some were held up by others', () => {
  const random = createRng(2, 'noise');
  const noise = () => 0.9 + 0.2 * random();
  const samples: StepSample[] = sizes(600).map((one, i) => ({
    sizes: one,
    seconds: device(one) * noise() * (i % 50 === 0 ? 40 : 1),
  }));
  const fit = fitSteps(samples);
  expect(fit.steps).toBe(600);
  expect(fit.spread).toBeLessThan(0.12);
  expect(Math.min(...fit.seconds)).toBeGreaterThanOrEqual(0);
  // 2 % of the steps count as up to 5 times their time: that is in the sum, and so in each.
  const errors = sizes(100).map(one => expectedSeconds(fit, one) / device(one) - 1);
  for (const error of errors) {
    expect(error).toBeGreaterThan(-0.05);
    expect(error).toBeLessThan(0.2);
  }
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  expect(mean).toBeCloseTo(0.08, 1);

  const quiet = fitSteps(sizes(200).map(one => ({ sizes: one, seconds: device(one) })));
  for (const one of sizes(100)) expect(expectedSeconds(quiet, one) / device(one)).toBeCloseTo(1, 2);
  const slower = sizes(100).map(one => ({ sizes: one, seconds: 1.7 * device(one) }));
  expect(paceOf(quiet, slower)).toBeCloseTo(1.7, 2);
  expect(paceOf(scaledFit(quiet, 1.7), slower)).toBeCloseTo(1, 2);
  const throttled = sizes(200).map((one, i) => ({
    sizes: one,
    seconds: device(one) * (i < 100 ? 0.5 : 1.5),
  }));
  for (const [i, pace] of pacesOf(quiet, throttled).entries()) expect(pace).toBeCloseTo(i < 5 ? 0.5 : 1.5, 1);
  expect(() => fitSteps(samples.slice(0, 20))).toThrow(/only 20 steps.*--calibrate-for/);
});

test('requests to calibrate with are of all lengths, and their clients leave one by one', async () => {
  const workload = trainingWorkload({ clients: 15, maxModelLen: 512, seconds: 10, seed: 1 });
  const [first] = workload.chunks() as Iterable<never[]>;
  expect(first).toHaveLength(15);
  const left = (finishedAt: number) =>
    first!.filter(arrival => workload.onFinished!({ arrival, finishedAt }) !== undefined).length;
  expect([0.3, 2.6, 5.1, 7.6, 10].map(left)).toEqual([14, 7, 3, 1, 0]);
  const lengths = Array.from({ length: 300 }, () => {
    const { promptTokens, outputTokens } = workload.onFinished!({ arrival: first![0]!, finishedAt: 1 })!;
    expect(promptTokens + outputTokens[0]!).toBeLessThanOrEqual(512);
    return promptTokens;
  });
  expect(Math.min(...lengths)).toBeLessThan(4);
  expect(Math.max(...lengths)).toBeGreaterThan(150);
});

test('figures are those of vllm bench serve', () => {
  const served = [
    { arrival: 1, firstToken: 1.5, finished: 3.5, outputTokens: 5 },
    { arrival: 2, firstToken: 3, finished: 3, outputTokens: 1 },
  ];
  expect(figuresOf(served)).toMatchObject({
    request_throughput: 2 / 2.5,
    output_throughput: 6 / 2.5,
    mean_ttft: 0.75,
    mean_tpot: 0.5,
    mean_e2el: 1.75,
  });
  expect(errorOf(1.1, 1)).toBeCloseTo(0.1);
});

/** Time that passes when somebody waits for it, and with it the timers of those who come in it. */
class PlayedTime implements Pacer {
  #now = 0;
  #timers: { readonly at: number; readonly run: () => void }[] = [];

  constructor() {
    vi.stubGlobal('setTimeout', (run: () => void, milliseconds = 0) => {
      const timer = { at: this.#now + milliseconds / 1000, run };
      this.#timers = [...this.#timers, timer].sort((a, b) => a.at - b.at);
      return timer;
    });
    vi.stubGlobal('clearTimeout', (timer: unknown) => {
      this.#timers = this.#timers.filter(other => other !== timer);
    });
    onTestFinished(() => {
      vi.unstubAllGlobals();
    });
  }

  now(): number {
    return this.#now;
  }

  async until(moment: number): Promise<void> {
    while (this.#timers[0] && this.#timers[0].at <= moment) this.next();
    this.#now = Math.max(this.#now, moment);
  }

  /** Nobody waits but the next timer. */
  next(): void {
    const timer = this.#timers.shift();
    if (!timer) return;
    this.#now = Math.max(this.#now, timer.at);
    timer.run();
  }

  stop(): void {
    this.#timers = [];
  }
}

test('calibrated on a device that keeps its pace, the simulation says within 2 % what another workload comes to', async () => {
  // A device whose steps take what they should: the whole way, but for a real device's noise.
  const deployment = { model: 'llama-2-7b', gpu: 'a100-80g', max_num_seqs: 24, num_gpu_blocks_override: 600 };
  const pacer = new PlayedTime();
  const args = { backend: 'simulated', config: deployment, tokenizer: shipped } as const;
  const { engine } = await createSimulatedEngine(args, { pacer });
  onTestFinished(() => engine.dispose());
  const config = completeConfig({
    policy: ['vllm'],
    model: 'llama-2-7b',
    workload: 'uniform',
    num_prompts: 48,
    input_len: 300,
    output_len: 60,
    range_ratio: 0.9,
    request_rate: 12,
    max_model_len: 1024,
    max_tokens: 'exact',
    seed: 3,
  });
  let over = false;
  const passing = (async () => {
    while (!over) {
      if (engine.scheduler.numUnfinished === 0) pacer.next();
      await new Promise(resolve => setImmediate(resolve));
    }
  })();
  const { comparison, recordings } = await compareLive(engine, {
    config,
    seconds: 20,
    device: { device: 'a100-80g', backend: 'reference', dtype: 'f16' },
    suitRate: false,
  });
  over = true;
  await passing;
  const { measured, predicted } = comparison;
  for (const name of boundFigures) {
    expect(Math.abs(errorOf(predicted[name], measured[name])), name).toBeLessThan(0.02);
  }
  expect(comparison.requests).toBe(48);
  expect(beyond(comparison, 0.02)).toEqual([]);
  expect(beyond(comparison, 0).length).toBeGreaterThan(0);
  const [live, simulated] = recordings;
  expect([live.policy, simulated.policy]).toEqual(['measured', 'predicted']);
  // The same requests at the same times, of the same lengths, by the same numbers.
  const asked = ({ requests }: typeof live) =>
    requests.map(({ id, arrival, promptTokens, outputTokens }) => [id, arrival, promptTokens, outputTokens]);
  expect(asked(simulated)).toEqual(asked(live));
  expect(liveComparisonText(comparison)).toMatch(/request throughput +[\d.]+\/s +[\d.]+\/s +[+-][\d.]+ %/);
  expect(unsteady(comparison)).toBeUndefined();

  // As it would be where others use the machine by turns, and where they came when it had calibrated.
  const { paces } = comparison;
  const disturbed = { ...comparison, paces: { ...paces, run: [0.7, ...paces.run.slice(2), 1.3] } };
  const said = liveComparisonText(disturbed).replaceAll(/\s+/g, ' ');
  expect(said).toContain('The device did not keep its pace');
  expect(said).toContain('From tenth to tenth of the steps it was 70 % to 130 %');
  expect(liveComparisonHtml(disturbed)).toContain('<p>The device did not keep its pace');
  expect(liveComparisonHtml(disturbed)).toContain(
    'the figures, of a device that did not keep its pace</summary>',
  );
  expect(liveComparisonHtml(comparison)).toContain('the figures</summary>');
  expect(unsteady({ ...comparison, pace: 1.3 })).toMatch(/run it again when the machine is quiet/);
});

test('quire validate live: a real model, both runs as files, and a bound', async () => {
  const cwd = folder();
  const flags =
    '--backend reference --calibrate-for 3 --num-prompts 12 --input-len 20 --output-len 16 --json';
  const args = ['validate', 'live', '--model', storiesFolder, ...flags.split(' ')];
  const run = await quire([...args, '--events', 'both.quire', '--within', '0.000001'], {
    cwd,
    timeout: 120_000,
  });
  expect(run.stderr).toMatch(/^(bound crossed: .+: [+-][\d.]+ %, bound <0.1 %\n)+$/);
  expect(run.code).toBe(1);
  const said = JSON.parse(run.stdout);
  expect(said).toMatchObject({ backend: 'reference', device: 'the CPU', policy: 'vllm', requests: 12 });
  expect(said.fit.steps).toBeGreaterThan(50);
  for (const name of boundFigures) {
    for (const side of ['measured', 'predicted', 'atPace'])
      expect(said[side][name], `${side} ${name}`).toBeGreaterThan(0);
  }
  const recordings = await decodeRecordings(
    new Uint8Array(readFileSync(join(cwd, 'both.quire'))),
    'both.quire',
  );
  expect(recordings.map(({ policy, requests }) => [policy, requests.length])).toEqual([
    ['measured', 12],
    ['predicted', 12],
  ]);
  expect(recordings[0]!.memory).toEqual(recordings[1]!.memory);
});

test('--html: both timelines in one page, and the figures above them', async () => {
  const html = join(folder(), 'both.html');
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  await validateLive(
    { model: storiesFolder, num_prompts: 6, input_len: 20, output_len: 16 },
    { backend: 'reference', calibrateFor: 2, html },
    builtPage(),
  );
  const text = write.mock.calls.map(([piece]) => piece).join('');
  write.mockRestore();
  expect(text).toContain(`written: ${html}`);

  const page = await browser().newPage();
  const complaints: string[] = [];
  const fetched: string[] = [];
  page.on('pageerror', error => complaints.push(error.message));
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
  page.on('request', request => fetched.push(request.url()));
  const url = pathToFileURL(html).href;
  await page.goto(url);
  await page.locator('.pane[data-side=b] canvas').first().waitFor();
  const shown = page.locator('.policy option:checked');
  expect(await shown.allInnerTexts()).toEqual(['measured', 'predicted']);
  const summary = page.locator('details.quire-results summary');
  expect(await summary.innerText()).toMatch(
    /^stories260K under vllm on the CPU \(reference, f32\): 6 requests/,
  );
  await summary.click();
  const rows = await page.locator('details.quire-results tr').allInnerTexts();
  expect(rows).toHaveLength(1 + figureNames.length);
  // As in the terminal, to the digit.
  for (const row of rows) {
    expect(text).toMatch(new RegExp(row.trim().split('\t').map(escapeRegExp).join(' +')));
  }
  expect(await page.getByText(/^Calibrated on \d+ steps/).isVisible()).toBe(true);
  expect(await page.getByText(/^While it served, steps took/).isVisible()).toBe(true);
  expect(complaints).toEqual([]);
  expect(fetched.filter(one => one !== url && !/^(data|blob):/.test(one))).toEqual([]);
});

test('what cannot be compared is refused before anything is loaded', async () => {
  const cwd = folder();
  const complaint = (flags: string) => refuse(['validate', 'live', ...flags.split(' ')], { cwd });
  expect(await complaint('--workload chat')).toMatch(
    /--workload chat: its requests hang on when answers come/,
  );
  expect(await complaint('--policy vllm,orca-max')).toMatch(/one policy at a time/);
  expect(await complaint('--calibrate-for 0')).toMatch(/a number above 0/);
  expect(await complaint('--within x')).toMatch(/a number above 0/);
  expect(await complaint('--events a.jsonl')).toMatch(/lines of events are of one run/);
  expect(await complaint('--baseline b.json')).toMatch(/--baseline is of the suites/);
  expect(await complaint('--events a.txt')).toMatch(/its ending says what is written/);
});
