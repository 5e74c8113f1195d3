import { findModel } from '../../src/sim/models/catalogue.ts';
import { openTrace } from '../../src/sim/workload/trace/detect.ts';
import { record } from '../../src/trace/record.ts';
import { Run } from '../../viz/page/run.ts';
import { findScenario } from '../../viz/page/scenarios.ts';
import { configOf, startOfStop } from '../../viz/page/state.ts';
import { wordsOf } from '../../viz/page/tour-card.ts';
import { Touring } from '../../viz/page/touring.ts';
import { type Place, stopAt } from '../../viz/page/tours/index.ts';
import { plain } from '../../viz/page/tours/say.ts';

const runs = new Map<string, Promise<Run>>();

/** The run of a pane at a stop; alike ones run once. */
function runOf(place: Place, policy: string, change = {}): Promise<Run> {
  const state = startOfStop(place);
  const config = { ...configOf(state), ...change };
  const key = JSON.stringify([config, policy]);
  const { trace } = findScenario(state.scenario)!;
  const bytes = async function* () {
    yield new TextEncoder().encode(trace);
  };
  const run = async () =>
    new Run(
      await record(config, policy, {
        model: findModel(config.model!)!,
        openTrace: options => openTrace(bytes, { fileName: config.trace!, ...options }),
      }),
    );
  if (!runs.has(key)) runs.set(key, run());
  return runs.get(key)!;
}

/** What a stop shows, with these settings and at this time if not its own. */
export async function seen(tour: string, stop: number, time?: number, change = {}) {
  const place = { tour, stop };
  const { a, b } = stopAt(place);
  const shown = [['a', await runOf(place, a, change)] as const];
  const other = b === undefined ? undefined : await runOf(place, b, change);
  const all = other ? [...shown, ['b', other] as const] : shown;
  const standing = new Touring().stand(startOfStop(place), all, true)!;
  const at = time ?? standing.found?.time ?? 0;
  const words = wordsOf(standing, all, at)!;
  const run = shown[0]![1];
  return {
    run,
    other,
    recording: run.recording,
    step: run.replay.stepAt(at),
    found: standing.found,
    text: plain(words),
    figures: words.flatMap(word => (typeof word === 'string' ? [] : [word.figure])),
  };
}
