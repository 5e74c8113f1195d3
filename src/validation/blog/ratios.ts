import type { Case } from '../case.ts';
import type { Chart } from '../study.ts';
import { scriptRequests, splitAnswers } from './requests.ts';
import { type Machine, serve } from './serve.ts';
import { type System, systems } from './systems.ts';

/** The blog's two servers. */
const machines: readonly (Machine & { readonly title: string })[] = [
  { model: 'llama-13b', gpu: 'a100-40g', title: 'LLaMA-13B, A100-40GB' },
  { model: 'llama-7b', gpu: 'a10g', title: 'LLaMA-7B, A10G' },
];

/** How many times the rate of the other system vLLM serves, by answers a request: both servers lie within. */
const published: readonly { readonly of: string; readonly n: number; readonly range: [number, number] }[] = [
  { of: 'HF', n: 1, range: [14, 24] },
  { of: 'TGI 0.8', n: 1, range: [2.2, 2.5] },
  { of: 'HF', n: 3, range: [8.5, 15] },
  { of: 'TGI 0.8', n: 3, range: [3.3, 3.5] },
];

/** The scripts' default; the blog does not say. */
const REQUESTS = 1000;

/** The blog's two tables. `progress` is the share done. */
export async function throughputRatios(
  progress: (done: number) => void,
): Promise<{ cases: Case[]; charts: Chart[]; notes: string[] }> {
  const cases: Case[] = [];
  const charts: Chart[] = [];
  const notes: string[] = [];
  let done = 0;
  for (const n of [1, 3]) {
    const rates = new Map<System, [string, number][]>(systems.map(system => [system, []]));
    const requests = scriptRequests({ count: REQUESTS, lengths: { kind: 'sharegpt' }, n, seed: 0 });
    const split = splitAnswers(requests);
    for (const machine of machines) {
      for (const system of systems) {
        const offered = system.splits ? split : requests;
        const { duration } = await serve(machine, system.engine(machine, n), offered);
        rates.get(system)!.push([machine.title, (REQUESTS / duration) * 60]);
        progress(++done / (2 * machines.length * systems.length));
      }
    }
    const named = new Map([...rates].map(([system, points]) => [system.name, new Map(points)]));
    const ratio = (of: string, title: string) => named.get('vLLM')!.get(title)! / named.get(of)!.get(title)!;
    for (const { of, range } of published.filter(row => row.n === n)) {
      for (const { title } of machines) {
        cases.push({
          what: `${title}, ${n === 1 ? 'one answer' : `${n} answers`} a request: vLLM against ${of}`,
          source: 'vLLM blog, 2023-06-20',
          unit: '×',
          measured: range,
          predicted: ratio(of, title),
          bound: 0,
          note: why[of]!,
        });
      }
    }
    const today = machines.map(({ title }) => ratio('TGI 3', title).toFixed(2)).join(' and ');
    notes.push(`n = ${n}: the same vLLM serves ${today} times the rate of TGI 3, which pages.`);
    charts.push({
      title: n === 1 ? 'One answer a request' : `${n} answers a request`,
      kind: 'bars',
      x: { label: 'server' },
      y: { label: 'requests/min' },
      series: [...rates].map(([{ name }, points]) => ({ name, points })),
    });
  }
  return { cases, charts, notes };
}

const why: Record<string, string> = {
  HF: 'The blog names no batch size for HF; here the largest that no batch of the script can run out of.',
  'TGI 0.8': 'The blog names no --max-batch-total-tokens for TGI; here what cannot run out.',
};
