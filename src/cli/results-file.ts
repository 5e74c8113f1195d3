import { quoted, UsageError } from '../core/errors.ts';
import { type Config, parseConfig } from '../sim/config.ts';
import type { ExperimentResult } from '../sim/experiment.ts';
import { emptyResult } from '../sim/results.ts';
import { readJson } from './files.ts';
import { version } from './version.ts';

export interface ResultsFile {
  /** The settings of the run. */
  readonly config: Config;
  readonly experiment: Pick<ExperimentResult, 'results' | 'comparisons' | 'notes'>;
}

/** Reads what `compare` and `run` write. @throws UsageError when it is something else, or of another version. */
export async function readResults(path: string): Promise<ResultsFile> {
  const file = await readJson(path);
  const { quire, results, comparisons, notes } = (isObject(file) ? file : {}) as Record<string, unknown>;
  refuseMeasured(file, path);
  const { config, version: of } = (isObject(quire) ? quire : {}) as Record<string, unknown>;
  if (!isObject(config) || !Array.isArray(results) || results.length === 0) {
    throw new UsageError(`${path}: no results file; expected what quire compare or quire run has written`);
  }
  if (of !== version) {
    throw new UsageError(
      `${path}: made by Quire ${typeof of === 'string' ? of : 'of unknown version'}, and this is ${version}, ` +
        `which may come to other figures; repeat it first: quire run ${path} --out ${path}`,
    );
  }
  for (const [i, result] of results.entries()) checkResult(result, `${path}: results[${i}]`);
  for (const [name, list] of Object.entries({ comparisons, notes })) {
    if (!Array.isArray(list)) throw damaged(`${path}: ${name}`, list, 'a list');
  }
  const experiment = { results, comparisons, notes } as unknown as ResultsFile['experiment'];
  checkNames(experiment, path);
  return { config: parseConfig(config, path), experiment };
}

/** @throws UsageError for results of `compare --backend`: another run of it comes to other times. */
export function refuseMeasured(file: unknown, path: string): void {
  const { quire } = (isObject(file) ? file : {}) as { quire?: { backend?: unknown; command?: unknown } };
  if (quire?.backend === undefined) return;
  throw new UsageError(
    `${path}: was measured on a real device, and cannot be repeated as a simulation; give the command again ` +
      `(${quire.command}); its --events FILE.quire is what quire viz shows`,
  );
}

/** Every figure of a result is there: files are edited by hand, and cut short. */
function checkResult(result: unknown, where: string): void {
  if (!isObject(result) || typeof result['policy'] !== 'string') {
    throw damaged(where, result, 'the result of a policy');
  }
  checkFigures(result, emptyResult(undefined), where);
}

function checkFigures(found: object, expected: object, where: string): void {
  for (const [key, value] of Object.entries(expected)) {
    const other = (found as Record<string, unknown>)[key];
    const place = `${where}.${key}`;
    if (Array.isArray(value)) {
      if (!Array.isArray(other)) throw damaged(place, other, 'a list');
    } else if (isObject(value)) {
      if (!isObject(other)) throw damaged(place, other, 'an object');
      checkFigures(other, value, place);
      // JSON has no infinity: null.
    } else if (typeof other !== 'number' && other !== null) throw damaged(place, other, 'a number');
  }
}

/** Comparisons are of policies that are there. */
function checkNames({ results, comparisons, notes }: ResultsFile['experiment'], path: string): void {
  const names = results.map(({ policy }) => policy);
  for (const [i, comparison] of comparisons.entries()) {
    const { policy, baseline, request_throughput: rate, mean_e2el_ms: latency } = comparison ?? {};
    const intervals = [rate, latency].every(interval => typeof interval?.estimate === 'number');
    if (names.includes(policy) && names.includes(baseline) && intervals) continue;
    throw damaged(`${path}: comparisons[${i}]`, comparison, `a comparison of ${names.join(' and ')}`);
  }
  const note = notes.find(text => typeof text !== 'string');
  if (note !== undefined) throw damaged(`${path}: notes`, note, 'text');
}

function damaged(where: string, found: unknown, expected: string): UsageError {
  return new UsageError(`${where}: expected ${expected}, found ${quoted(found)}; repeat the run`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
