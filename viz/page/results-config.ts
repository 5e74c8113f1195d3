import { UsageError } from '../../src/core/errors.ts';
import { type Config, parseConfig } from '../../src/sim/config.ts';
import { findModel } from '../../src/sim/models/catalogue.ts';

/** A results file holds figures, which are some kilobytes a policy. */
const LARGEST = 32 * 2 ** 20;

const EXPECTED = 'expected what quire compare --out writes, a recording (.quire), or a trace';

/** The settings that results were made with. @throws UsageError where the page cannot run them again. */
export async function resultsConfig(file: Blob, name: string): Promise<Config> {
  if (file.size > LARGEST) {
    throw new UsageError(
      `${name}: JSON of ${Math.round(file.size / 2 ** 20)} MiB is no results file; ${EXPECTED}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse((await file.text()).replace(/^\uFEFF/, ''));
  } catch {
    throw new UsageError(`${name}: not JSON to its end; ${EXPECTED}`);
  }
  const { quire, results } = value as { quire?: unknown; results?: unknown };
  // A config by itself stands at the top.
  const { config = (value as { config?: unknown }).config } = (quire ?? {}) as { config?: unknown };
  if (!Array.isArray(results) && config === undefined) {
    throw new UsageError(`${name}: no results in it; ${EXPECTED}`);
  }
  if (config === undefined) {
    throw new UsageError(
      `${name}: results without a config, so the page cannot run them again; open a recording (.quire)`,
    );
  }
  const parsed = parseConfig(config, name);
  const needed = (['trace', 'kernels', 'profile'] as const).find(key => parsed[key] !== undefined);
  const foreign = parsed.model !== undefined && !findModel(parsed.model) ? 'model' : undefined;
  const needs = needed ?? foreign;
  if (needs) {
    throw new UsageError(
      `${name}: these results need a file that the page cannot open (${needs} ${parsed[needs]}); ` +
        'make a report of them with quire report, or record them with --events run.quire',
    );
  }
  return parsed;
}
