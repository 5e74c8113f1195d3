import { meanOf } from '../../sim/statistics.ts';
import type { Case } from '../case.ts';
import type { Knee } from './knee.ts';
import { kneeOf } from './latency-run.ts';
import { chat, type Trace } from './latency-workloads.ts';
import { LIMIT, latencyChart, lineOf, READING, type Report, type Section } from './section.ts';
import { servers } from './setup.ts';
import { orca, type System, vllm } from './systems.ts';

/** The paper gives prompt and answer half the context each; the artifact keeps 8 tokens back. */
const conversations = { maxPrompt: 1024, maxOutput: 1016, turns: 3.5 };
/** `--new-prob` in the artifact's scripts: vLLM meets more first turns, which are short. */
const NEW = { orca: 0.1, vllm: 0.5 };
const DURATION = 1800;
/** Near the highest rates in the artifact's scripts: 0.7 for the Orcas, 1.1 for vLLM. */
const START = { orca: 0.6, vllm: 1 };

/** Fig. 17: a chatbot whose prompts carry the conversation; nothing is kept between turns. */
export async function chatbot(report: Report): Promise<Section> {
  const same = chat({ ...conversations, newProbability: NEW.orca });
  const orcas: (readonly [name: string, knee: Knee])[] = [];
  for (const system of [orca('max'), orca('pow2'), orca('oracle')]) {
    await report(`Fig. 17, chatbot, ${system.name}`);
    orcas.push([system.name, kneeOn(same, system, START.orca)]);
  }
  await report('Fig. 17, chatbot, vllm-v0');
  const ours = kneeOn(same, vllm(), START.vllm);
  const younger = kneeOn(chat({ ...conversations, newProbability: NEW.vllm }), vllm(), START.vllm);
  const series = [...orcas, ['vllm-v0', ours] as const].map(([name, knee]) => lineOf(name, knee));
  return {
    cases: casesOf(
      orcas.map(([, { rate }]) => rate),
      ours.rate,
      younger.rate,
    ),
    charts: [latencyChart('OPT-13B, chatbot', series)],
  };
}

function kneeOn(trace: Trace, system: System, start: number): Knee {
  return kneeOf(system, servers['opt-13b'], trace, { duration: DURATION, limit: LIMIT, start });
}

function casesOf(orcas: readonly number[], same: number, younger: number): Case[] {
  const source = 'vLLM paper, §6.5';
  const mean = meanOf(orcas);
  return [
    {
      what: "OPT-13B, chatbot as the authors' scripts run it: rate of vllm-v0 over the mean of the three Orcas",
      source,
      unit: '×',
      measured: 2,
      predicted: younger / mean,
      bound: READING,
      note:
        `disputed: the scripts begin a conversation with probability ${NEW.vllm} for vLLM and ${NEW.orca} for the ` +
        "Orcas, so vLLM's prompts are shorter; and the plotted curves are said not to reach 2",
    },
    {
      what: 'OPT-13B, chatbot, the same conversations for all: rate of vllm-v0 over the mean of the three Orcas',
      source,
      unit: '×',
      measured: 2,
      predicted: same / mean,
      note: 'no bound: by its scripts, the paper compared other conversations (the line above)',
    },
    {
      what: 'OPT-13B, chatbot: rate of the best Orca over that of the worst, which tie',
      source,
      unit: '×',
      measured: 1,
      predicted: Math.max(...orcas) / Math.min(...orcas),
      bound: READING,
    },
  ];
}
