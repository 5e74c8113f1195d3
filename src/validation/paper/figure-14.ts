import type { Case } from '../case.ts';
import { kneeCase } from './figure-12.ts';
import type { Knee } from './knee.ts';
import { figure14, type SamplingRecord } from './latency-record.ts';
import { kneeOf } from './latency-run.ts';
import { completion } from './latency-workloads.ts';
import { LIMIT, latencyChart, lineOf, READING, type Report, type Section } from './section.ts';
import { servers } from './setup.ts';
import { orca, vllm } from './systems.ts';

/** Alpaca's overloads show soon (see `durationOf` of Fig. 12), and requests of six sequences cost six times as much. */
const DURATION = 240;

/** Fig. 14: OPT-13B on Alpaca, several samples or beams a request, which share their prompt's blocks. */
export async function sampling(
  report: Report,
  basic: { readonly vllm: Knee; readonly oracle: Knee },
): Promise<Section> {
  const cases: Case[] = [ratioCase('one sample a request', basic, 1.3)];
  const charts = [];
  for (const record of figure14) {
    const { n, beam } = record;
    const title = `OPT-13B, Alpaca, ${beam ? `beam width ${n}` : `${n} samples`}`;
    await report(`Fig. 14, ${title}`);
    const knees = kneesOf(record);
    for (const [name, knee] of Object.entries(knees)) {
      const ran = record.ran[name as keyof typeof record.ran];
      const line = name === 'vllm' ? 'vllm-v0' : 'orca-oracle';
      cases.push(kneeCase(`${title}: knee of ${line}`, { ran }, knee.rate)!);
    }
    if (beam && n === 6) cases.push(ratioCase('beam width 6', knees, 2.3));
    charts.push(latencyChart(title, [lineOf('orca-oracle', knees.oracle), lineOf('vllm-v0', knees.vllm)]));
  }
  return { cases, charts };
}

function kneesOf({ n, beam, ran }: SamplingRecord) {
  const sampler = { kind: beam ? 'beam' : 'random', sequences: n } as const;
  const trace = completion({ kind: 'alpaca' }, { n, beam });
  const find = (system: ReturnType<typeof vllm>, [, highest]: readonly [number, number]) =>
    kneeOf(system, servers['opt-13b'], trace, { duration: DURATION, limit: LIMIT, start: highest });
  return {
    oracle: find(orca('oracle', sampler), ran.oracle),
    vllm: find(vllm(sampler), ran.vllm),
  };
}

function ratioCase(how: string, knees: { vllm: Knee; oracle: Knee }, measured: number): Case {
  return {
    what: `OPT-13B, Alpaca, ${how}: rate of vllm-v0 over that of orca-oracle`,
    source: 'vLLM paper, §6.3',
    unit: '×',
    measured,
    predicted: knees.vllm.rate / knees.oracle.rate,
    bound: READING,
  };
}
