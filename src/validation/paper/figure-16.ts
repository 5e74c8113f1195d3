import type { Tokens } from '../../core/units.ts';
import type { Case } from '../case.ts';
import { kneeOf } from './latency-run.ts';
import { translation } from './latency-workloads.ts';
import { LIMIT, latencyChart, lineOf, READING, type Report, type Section } from './section.ts';
import { servers } from './setup.ts';
import { orca, vllmWithPrefix } from './systems.ts';

interface Experiment {
  readonly shots: number;
  readonly prefix: Tokens;
  /** §6.4: how many times the rate of Orca (Oracle). */
  readonly ratio: number;
  /** Highest rate in the artifact's script for Orca (Oracle). */
  readonly highest: number;
}

const experiments: readonly Experiment[] = [
  { shots: 1, prefix: 80, ratio: 1.67, highest: 32 },
  { shots: 5, prefix: 341, ratio: 3.58, highest: 13 },
];

/** A LLaMA of 13B has the layers and heads of OPT-13B, so the same memory holds as many tokens. */
const server = { ...servers['opt-13b'], model: 'llama-13b' };
/** Answers as short as Alpaca's: see `durationOf` of Fig. 12. */
const DURATION = 240;
/** Translations are the likeliest ones (temperature 0). */
const sampler = { kind: 'greedy', sequences: 1 } as const;

/** Fig. 16: translation behind a prefix of examples that all requests share. */
export async function sharedPrefix(report: Report): Promise<Section> {
  const cases: Case[] = [];
  const charts = [];
  for (const { shots, prefix, ratio, highest } of experiments) {
    const title = `LLaMA-13B, translation, ${shots}-shot prefix of ${prefix} tokens`;
    await report(`Fig. 16, ${title}`);
    const trace = translation(prefix);
    const search = { duration: DURATION, limit: LIMIT };
    const oracle = kneeOf(orca('oracle', sampler), server, trace, { ...search, start: highest });
    const vllm = kneeOf(vllmWithPrefix(prefix, sampler), server, trace, {
      ...search,
      start: highest * ratio,
    });
    cases.push({
      what: `${title}: rate of vllm-v0 over that of orca-oracle`,
      source: 'vLLM paper, §6.4',
      unit: '×',
      measured: ratio,
      predicted: vllm.rate / oracle.rate,
      bound: READING,
    });
    charts.push(latencyChart(title, [lineOf('orca-oracle', oracle), lineOf('vllm-v0', vllm)]));
  }
  return { cases, charts };
}
