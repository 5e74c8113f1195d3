import type { Seconds } from '../../core/units.ts';
import type { Case } from '../case.ts';
import type { Knee } from './knee.ts';
import { figure12, type Line, type Panel } from './latency-record.ts';
import { kneeOf, normalizedLatency } from './latency-run.ts';
import { completion } from './latency-workloads.ts';
import { LIMIT, latencyChart, lineOf, READING, type Report, type Section } from './section.ts';
import { modelOf, servers } from './setup.ts';
import { fasterTransformerOf, orca, type System, type SystemName, vllm } from './systems.ts';

type Knees = Readonly<Record<SystemName, Knee>>;

/** Knees of the panels, by `Panel`. */
export type Figure12 = ReadonlyMap<Panel, Knees>;

/**
 * Length of the traces. The paper's last an hour, and a quarter of one for OPT-175B. An overload of ε adds
 * ε · length / 2 to the mean latency: for ShareGPT's answers half an hour puts the knee 3 % higher than an hour
 * would; Alpaca's answers are short, so their normalised latency shows an overload six times as soon.
 */
function durationOf({ model, lengths }: Panel): Seconds {
  if (lengths === 'alpaca') return 600;
  return model === 'opt-175b' ? 900 : 1800;
}

/** The same requests in every panel. */
const traces = { sharegpt: completion({ kind: 'sharegpt' }), alpaca: completion({ kind: 'alpaca' }) };

function systemsOf({ fasterTransformerBatch }: Panel): System[] {
  return [fasterTransformerOf(fasterTransformerBatch), orca('max'), orca('pow2'), orca('oracle'), vllm()];
}

export async function findKnees(report: Report, panels = figure12): Promise<Figure12> {
  const found = new Map<Panel, Knees>();
  for (const panel of panels) {
    const knees: Partial<Record<SystemName, Knee>> = {};
    for (const system of systemsOf(panel)) {
      await report(`Fig. 12, ${titleOf(panel)}, ${system.name}`);
      knees[system.name] = kneeIn(panel, system, LIMIT);
    }
    found.set(panel, knees as Knees);
  }
  return found;
}

function kneeIn(panel: Panel, system: System, limit: Seconds): Knee {
  const { knee, ran } = panel.lines[system.name];
  const search = { duration: durationOf(panel), limit, start: knee ?? ran?.[1] ?? 1 };
  return kneeOf(system, servers[panel.model], traces[panel.lengths], search);
}

export function titleOf({ model, lengths }: Panel): string {
  const title = modelOf(model).title.replace(/^.*\/opt-(\d+)b$/, 'OPT-$1B');
  return `${title}, ${lengths === 'sharegpt' ? 'ShareGPT' : 'Alpaca'}`;
}

/** Fig. 12: normalised latency against the request rate. */
export function sectionOf(found: Figure12): Section {
  const cases: Case[] = [];
  const charts = [];
  for (const [panel, knees] of found) {
    const title = titleOf(panel);
    const series = systemsOf(panel).map(system => {
      const line = panel.lines[system.name];
      const knee = knees[system.name];
      const compared = kneeCase(`${title}: knee of ${system.name}`, line, knee.rate);
      if (compared) cases.push(compared);
      return lineOf(system.name, withLowRate(panel, system, knee), line.knee);
    });
    charts.push(latencyChart(title, series));
    if (panel.lengths === 'sharegpt') cases.push(...ratioCases(panel, knees));
  }
  return { cases, charts };
}

/** Where the line comes from, which no search has to look at. */
function withLowRate(panel: Panel, system: System, knee: Knee): Knee {
  const rate = knee.rate / 2;
  const low = normalizedLatency(system, servers[panel.model], traces[panel.lengths](rate, 600));
  const points = [...knee.points, [rate, low] as const];
  return { ...knee, points: points.sort((a, b) => a[0] - b[0]) };
}

const FIGURE = 'vLLM paper, Fig. 12, read off the plot (± 15 %)';
const SCRIPTS = "vLLM paper's artifact: rates that the system was run at";

/** A range whose ends are further apart proves nothing: it is shown, and holds no figure. */
const WIDEST = 2;

/** A line without points beyond some rate has no knee there: such a reading is a range that begins at that rate. */
export function kneeCase(what: string, { knee, ran }: Line, predicted: number): Case | undefined {
  const free = { what, unit: 'req/s', predicted };
  const figure = { ...free, bound: READING };
  if (knee === undefined) {
    return ran && { ...(ran[1] > WIDEST * ran[0] ? free : figure), source: SCRIPTS, measured: ran };
  }
  if (ran === undefined || knee <= ran[1]) return { ...figure, source: FIGURE, measured: knee };
  return {
    ...figure,
    source: `${FIGURE}, and the artifact`,
    measured: [ran[1], knee],
    note: `disputed: read as ${knee} requests/s, but the authors' scripts stop at ${ran[1]}; the range spans both`,
  };
}

function ratioCases(panel: Panel, knees: Knees): Case[] {
  const ratio = (to: SystemName, rate: (name: SystemName) => number) => rate('vllm-v0') / rate(to);
  const compared = (to: SystemName, measured: readonly [number, number]): Case => {
    const read = ratio(to, name => panel.lines[name].knee!);
    return {
      what: `${titleOf(panel)}: rate of vllm-v0 over that of ${to}`,
      source: 'vLLM paper, §6.2, the range over its models',
      unit: '×',
      measured,
      predicted: ratio(to, name => knees[name].rate),
      bound: 0,
      ...((read < measured[0] || read > measured[1]) && {
        note: `disputed: the readings of the plot give ${read.toFixed(2)}, which is outside the range of the text`,
      }),
    };
  };
  return [compared('orca-oracle', [1.7, 2.7]), compared('orca-max', [2.7, 8])];
}

/** How early the latency that both must keep is: where FasterTransformer's base latency counts most. */
const STRICT: Seconds = 0.1;

/** "Up to 22×" FasterTransformer, of which the paper does not say at what latency. */
export async function fasterTransformerCase(report: Report): Promise<Case> {
  const ratios: number[] = [];
  for (const panel of figure12.filter(({ lengths }) => lengths === 'sharegpt')) {
    await report(`Fig. 12, ${titleOf(panel)} at ${STRICT} s/token`);
    const [other, ours] = [fasterTransformerOf(panel.fasterTransformerBatch), vllm()].map(
      system => kneeIn(panel, system, STRICT).rate,
    );
    if (other! > 0) ratios.push(ours! / other!);
  }
  return {
    what: `ShareGPT, largest of the models: rate of vllm-v0 over that of faster-transformer at ${STRICT} s/token`,
    source: 'vLLM paper, §6.2: "up to 22×"',
    unit: '×',
    measured: 22,
    predicted: Math.max(...ratios),
    note: 'disputed: the paper names no latency, and the ratio is that of the latency chosen; no bound',
  };
}
