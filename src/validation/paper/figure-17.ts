import type { Case } from '../case.ts';
import type { Knee } from './knee.ts';
import { kneeOf } from './latency-run.ts';
import { chat } from './latency-workloads.ts';
import { LIMIT, latencyChart, lineOf, READING, type Report, type Section } from './section.ts';
import { servers } from './setup.ts';
import { orca, vllm } from './systems.ts';

/** The paper gives prompt and answer half the context each; the artifact keeps 8 tokens back. */
const conversations = { maxPrompt: 1024, maxOutput: 1016, turns: 3.5, newProbability: 0.1 };
const DURATION = 1800;
/** Between the highest rates in the artifact's scripts: 0.7 for the Orcas, 1.1 for vLLM. */
const START = { orca: 0.6, vllm: 1 };

/** Fig. 17: a chatbot whose prompts carry the conversation; nothing is kept between turns. */
export async function chatbot(report: Report): Promise<Section> {
  const trace = chat(conversations);
  const knees: (readonly [name: string, knee: Knee])[] = [];
  for (const system of [orca('max'), orca('pow2'), orca('oracle'), vllm()]) {
    await report(`Fig. 17, chatbot, ${system.name}`);
    const start = system.name === 'vllm-v0' ? START.vllm : START.orca;
    knees.push([
      system.name,
      kneeOf(system, servers['opt-13b'], trace, { duration: DURATION, limit: LIMIT, start }),
    ]);
  }
  const rates = knees.map(([, { rate }]) => rate);
  const ours = rates.pop()!;
  const cases: Case[] = [
    {
      what: 'OPT-13B, chatbot: rate of vllm-v0 over the mean of the three Orcas',
      source: 'vLLM paper, §6.5',
      unit: '×',
      measured: 2,
      predicted: (ours * rates.length) / rates.reduce((sum, rate) => sum + rate, 0),
      bound: READING,
      note:
        'disputed: the plotted curves do not reach it; and the scripts begin conversations with probability 0.5 ' +
        'for vLLM, 0.1 for the Orcas, so that its prompts are shorter. Here all meet the same conversations (0.1)',
    },
    {
      what: 'OPT-13B, chatbot: rate of the best Orca over that of the worst, which tie',
      source: 'vLLM paper, §6.5',
      unit: '×',
      measured: 1,
      predicted: Math.max(...rates) / Math.min(...rates),
      bound: READING,
    },
  ];
  const series = knees.map(([name, knee]) => lineOf(name, knee));
  return { cases, charts: [latencyChart('OPT-13B, chatbot', series)] };
}
