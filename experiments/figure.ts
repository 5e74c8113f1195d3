import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { unknownName } from '../src/core/did-you-mean.ts';
import { UsageError } from '../src/core/errors.ts';
import { completeConfig } from '../src/sim/check-config.ts';
import { parseConfig } from '../src/sim/config.ts';
import { runExperiment } from '../src/sim/experiment.ts';
import { findModel } from '../src/sim/models/catalogue.ts';
import { studies } from '../src/validation/registry.ts';
import { runStudies } from '../src/validation/run-studies.ts';
import { figure } from '../viz/chart.ts';
import { memoryFigure } from '../viz/memory-figure.ts';

/** What is drawn into each folder of experiments/: one has a config of its own, the others a study. */
const experiments: Readonly<Record<string, () => Promise<void>>> = {
  '01-static-vs-continuous': drawMemory,
  '02-paper-memory': () => drawStudy('paper-memory', '02-paper-memory'),
  '03-paper-latency': () => drawStudy('paper-latency', '03-paper-latency'),
  '04-paper-ablations': () => drawStudy('paper-ablations', '04-paper-ablations'),
  '05-blog-throughput': () => drawStudy('blog-throughput', '05-blog-throughput'),
};

/** Draws every figure, or those of the folders that are named: npm run figures [-- FOLDER...] */
async function main(folders: readonly string[]): Promise<void> {
  const known = Object.keys(experiments);
  for (const folder of folders) {
    if (!known.includes(folder)) throw unknownName('experiment', folder, known);
  }
  for (const folder of folders.length > 0 ? folders : known) {
    await mkdir(`experiments/${folder}`, { recursive: true });
    await experiments[folder]!();
  }
}

async function drawStudy(name: string, folder: string): Promise<void> {
  const study = studies.find(candidate => candidate.name === name);
  if (!study) throw new Error(`no study ${name}`);
  const [outcome] = await runStudies([study], {});
  await write(`experiments/${folder}/figure.svg`, figure(outcome!.result.charts, study.title));
}

/** The memory of every policy over time. */
async function drawMemory(): Promise<void> {
  const folder = 'experiments/01-static-vs-continuous';
  const file = `${folder}/config.json`;
  const config = completeConfig(parseConfig(JSON.parse(await readFile(file, 'utf8')), file));
  const { results } = await runExperiment(config, { model: findModel(config.model)! });
  const panels = results.map(result => ({
    title: result.policy,
    subtitle:
      `${result.request_throughput.toFixed(2)} requests/s, ${result.mean_batch_size.toFixed(1)} in a batch, ` +
      `${(result.memory.token * 100).toFixed(0)} % of the memory holds tokens`,
    series: result.series,
  }));
  await write(`${folder}/memory.svg`, memoryFigure(panels));
}

async function write(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  process.stdout.write(`${path}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
