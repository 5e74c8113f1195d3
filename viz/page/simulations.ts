import { policies } from '../../src/core/policies/registry.ts';
import type { Recording } from '../../src/trace/recording.ts';
import type { UserTrace } from './opened-file.ts';
import { Runner } from './runner.ts';
import { findScenario } from './scenarios.ts';
import { inWords } from './settings-form.ts';
import { configOf, type PageState, type Side, sides } from './state.ts';

/** Recordings that are looked at instead of simulations. */
export interface Shown {
  readonly name: string;
  /** By policy; of two alike the second is told apart. */
  readonly recordings: ReadonlyMap<string, Recording>;
  /** They came with the page. */
  readonly report: boolean;
}

export function shownOf(name: string, recordings: readonly Recording[], report: boolean): Shown {
  const named = new Map<string, Recording>();
  for (const recording of recordings) {
    let key = recording.policy;
    for (let i = 2; named.has(key); i++) key = `${recording.policy} ${i}`;
    named.set(key, recording);
  }
  return { name, recordings: named, report };
}

/** What can be chosen for a pane. */
export function namesOf(shown: Shown | undefined): readonly string[] {
  return shown ? [...shown.recordings.keys()] : policies.map(policy => policy.name);
}

/** Where runs appear. */
export interface Stage {
  busy(side: Side, done: number): void;
  show(side: Side, recording: Recording): void;
  fail(side: Side, message: string): void;
  empty(side: Side): void;
}

/** A slider that moves asks for a run with each stop it passes; one when it rests is enough. */
const SETTLED_MS = 120;

/** Brings each pane the run that the state asks for, from a file or by simulating it. */
export class Simulations {
  readonly #runners: Readonly<Record<Side, Runner>> = { a: new Runner(), b: new Runner() };
  /** What each pane shows or is about to: the same settings are not run twice. */
  readonly #asked: Record<Side, string> = { a: '', b: '' };
  readonly #stage: Stage;
  readonly #busy = new Set<Side>();
  #trace: UserTrace | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Whether what was asked for last is what is shown. */
  get settled(): boolean {
    return this.#busy.size === 0;
  }

  /**
   * At once.
   * @param trace requests of the user's, which the settings of the state name.
   */
  bring(state: PageState, shown: Shown | undefined, trace: UserTrace | undefined): void {
    clearTimeout(this.#rest);
    // Another file may have the same name.
    if (trace !== this.#trace) this.#asked.a = this.#asked.b = '';
    this.#trace = trace;
    for (const side of sides) {
      const name = state[side];
      const recording = name === undefined ? undefined : shown?.recordings.get(name);
      if (name !== undefined && !recording) {
        this.#simulate(side, name, state);
        continue;
      }
      this.#runners[side].drop();
      this.#busy.delete(side);
      this.#asked[side] = '';
      if (recording) this.#stage.show(side, recording);
      else this.#stage.empty(side);
    }
  }

  /** When nothing else was asked for a moment. */
  bringSoon(state: PageState, trace: UserTrace | undefined): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.bring(state, undefined, trace), SETTLED_MS);
  }

  #simulate(side: Side, policy: string, state: PageState): void {
    const config = configOf(state);
    const rows = findScenario(state.scenario)!.trace;
    const asked = JSON.stringify([config, policy, rows]);
    if (asked === this.#asked[side]) return;
    this.#asked[side] = asked;
    const trace = this.#trace?.file ?? (rows === undefined ? undefined : new Blob([rows]));
    const stage = this.#stage;
    this.#busy.add(side);
    stage.busy(side, 0);
    this.#runners[side].run(
      { kind: 'run', config, policy, ...(trace !== undefined && { trace }) },
      {
        progress: done => stage.busy(side, done),
        done: ([recording]) => {
          this.#busy.delete(side);
          stage.show(side, recording!);
        },
        failed: (message, usage) => {
          this.#busy.delete(side);
          stage.fail(side, usage ? inWords(message) : `The simulation failed: ${message}`);
        },
      },
    );
  }
}
