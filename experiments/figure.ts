import { readFile, writeFile } from 'node:fs/promises';
import type { PolicyResult } from '../src/sim/experiment.ts';
import { memoryFigure } from '../viz/memory-figure.ts';

/** Draws the memory of every policy of a results file: node build/experiments/figure.js RESULTS SVG */
const [results, svg] = process.argv.slice(2);
if (!results || !svg) throw new Error('usage: figure RESULTS.json FIGURE.svg');
const { results: policies } = JSON.parse(await readFile(results, 'utf8')) as { results: PolicyResult[] };
const panels = policies.map(result => ({
  title: result.policy,
  subtitle:
    `${result.request_throughput.toFixed(2)} requests/s, ${result.mean_batch_size.toFixed(1)} in a batch, ` +
    `${(result.memory.token * 100).toFixed(0)} % of the memory holds tokens`,
  series: result.series,
}));
await writeFile(svg, memoryFigure(panels));
