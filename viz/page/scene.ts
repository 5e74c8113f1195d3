import type { SettingKey } from '../../src/sim/config.ts';
import { withSetting } from './changes.ts';
import type { Opened, UserTrace } from './opened-file.ts';
import { findScenario, type Scenario } from './scenarios.ts';
import { namesOf, type Shown, type Simulations, shownOf } from './simulations.ts';
import { hashOf, type PageState, startOf, stateOf } from './state.ts';

/** What is looked at: a state, and where that came from. Whatever another state needs run, it asks for. */
export class Scene {
  #state: PageState = startOf();
  #shown: Shown | undefined;
  #trace: UserTrace | undefined;
  readonly #simulations: Simulations;
  readonly #changed: () => void;

  /** @param changed other runs than before, or settings of these. */
  constructor(simulations: Simulations, changed: () => void) {
    this.#simulations = simulations;
    this.#changed = changed;
  }

  get state(): PageState {
    return this.#state;
  }

  get scenario(): Scenario {
    return findScenario(this.#state.scenario)!;
  }

  /** Recordings in place of simulations. */
  get shown(): Shown | undefined {
    return this.#shown;
  }

  /** Requests of the user's in place of a workload. */
  get trace(): UserTrace | undefined {
    return this.#trace;
  }

  /** Undefined: an address cannot name what is looked at, which is a file of the user's. */
  get hash(): string | undefined {
    if (this.#trace || (this.#shown && !this.#shown.report)) return undefined;
    return hashOf(this.#state, this.#names);
  }

  get #names(): readonly string[] | undefined {
    return this.#shown && namesOf(this.#shown);
  }

  /** Shows the recordings of a report from now on; the address says how. */
  report(shown: Shown): void {
    this.#shown = shown;
  }

  /** @throws UsageError for an address that means nothing; then the page begins. */
  restore(hash: string): void {
    this.#trace = undefined;
    let state = startOf(undefined, this.#names);
    try {
      state = stateOf(hash, this.#names);
    } finally {
      this.become(state);
    }
  }

  /** From the beginning of a scenario, or of the recordings that are shown. */
  restart(scenario?: Scenario, change: Partial<PageState> = {}): void {
    const { theme, speed } = this.#state;
    this.become({ ...startOf(scenario, this.#names), theme, speed, ...change });
  }

  /** Without a file of the user's. */
  simulate(state?: PageState): void {
    this.#shown = this.#trace = undefined;
    if (state) this.become(state);
    else this.restart();
  }

  open(opened: Opened): void {
    this.#shown = this.#trace = undefined;
    switch (opened.kind) {
      case 'recordings':
        this.#shown = shownOf(opened.name, opened.recordings, false);
        this.restart();
        break;
      case 'results': {
        const { policy = [], replications: _, ...overrides } = opened.config;
        const [a, b] = policy;
        this.restart(findScenario('own'), { overrides, ...(a !== undefined && { a, b }) });
        break;
      }
      case 'trace':
        this.#trace = opened.trace;
        this.restart(findScenario('own'), { overrides: { trace: opened.name } });
        break;
      default:
        opened satisfies never;
    }
  }

  become(state: PageState): void {
    this.#state = state;
    this.#simulations.bring(state, this.#shown, this.#trace);
    this.#changed();
  }

  /** What needs no other run. */
  update(change: Partial<PageState>): void {
    this.#state = { ...this.#state, ...change };
  }

  set(key: SettingKey, value: unknown): void {
    this.update(withSetting(this.#state, key, value));
    this.#simulations.bringSoon(this.#state, this.#trace);
    this.#changed();
  }
}
