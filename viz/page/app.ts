import { UsageError } from '../../src/core/errors.ts';
import type { Seconds } from '../../src/core/units.ts';
import type { SettingKey } from '../../src/sim/config.ts';
import { perfettoTrace } from '../../src/trace/perfetto.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { openInPerfetto } from '../perfetto-link.ts';
import { views } from '../views/index.ts';
import { Address } from './address.ts';
import { Appearance } from './appearance.ts';
import { brushingEdge, clicking, escaping, togglingPin, withoutWindow, withSetting } from './changes.ts';
import { announcement, extentOf, goingTo, stepFrom, timeOf } from './cursor.ts';
import { setText } from './dom.ts';
import { Frames } from './frames.ts';
import { Layout } from './layout.ts';
import { acceptDrops, embeddedRecordings, openFile } from './opened-file.ts';
import { pinIn } from './pins.ts';
import { Run } from './run.ts';
import { findScenario, type Scenario } from './scenarios.ts';
import { inWords } from './settings-form.ts';
import { namesOf, type Shown, Simulations, shownOf } from './simulations.ts';
import { configOf, hashOf, type PageState, type Side, startOf, stateOf } from './state.ts';

/** The page: one state, two panes, one cursor. Whatever changes the state asks for a frame. */
export class App {
  #state: PageState = startOf();
  #shown: Shown | undefined;
  #active: Side = 'b';
  /** Counts the runs shown, so that what was built for an older one is known as old. */
  #version = 0;
  readonly #layout: Layout;
  readonly #simulations: Simulations;
  readonly #frames = new Frames({
    advance: seconds => this.#advance(seconds),
    paint: words => this.#paint(words),
    rest: () => this.#writeAddress(),
  });
  readonly #address = new Address(() => this.#fromAddress());
  readonly #appearance = new Appearance(() => this.#frames.ask());

  constructor(root: HTMLElement) {
    this.#layout = new Layout(root, this.#actions());
    this.#simulations = new Simulations({
      busy: (side, done) => this.#layout.panes[side].busy(done),
      show: (side, recording) => this.#show(side, recording),
      fail: (side, message) => {
        this.#layout.panes[side].fail(message);
        this.#changed();
      },
      empty: side => {
        this.#layout.panes[side].run = undefined;
        this.#changed();
      },
    });
    acceptDrops(root, file => void this.#open(file));
  }

  async start(): Promise<void> {
    try {
      const recordings = await embeddedRecordings();
      if (recordings) this.#shown = shownOf('Report', recordings, true);
    } catch (error) {
      this.#say(error);
    }
    this.#fromAddress();
  }

  #actions(): ConstructorParameters<typeof Layout>[1] {
    return {
      resized: () => this.#frames.ask(),
      // Keys.
      step: by => this.#step(by),
      toEnd: of => {
        const run = this.#activeRun;
        if (run) this.#goTo(run, of === 'first' ? 0 : run.recording.steps.count - 1);
      },
      play: () => this.#play(!this.#frames.playing),
      find: () => {
        if (this.#activeRun) this.#layout.find.open(this.#activeRun);
      },
      activate: side => this.#activate(side),
      focusView: index => this.#focusView(index),
      brushEdge: edge =>
        this.#update(brushingEdge(this.#state, edge, this.#time, extentOf(this.#layout.runs))),
      zoom: () => this.#update({ zoom: this.#state.brush ?? this.#state.zoom }),
      resetWindow: () => this.#update(withoutWindow),
      theme: () => this.#update({ theme: this.#theme.name === 'dark' ? 'light' : 'dark' }),
      keys: () => this.#layout.keys.showModal(),
      escape: () => {
        this.#layout.toolbar.say(undefined);
        this.#update(escaping(this.#state));
      },
      // The bars.
      scenario: name => this.#restart(findScenario(name)),
      open: file => void this.#open(file),
      perfetto: () => {
        const recordings = this.#layout.runs.map(([, run]) => run.recording);
        openInPerfetto(perfettoTrace(recordings), document.title).catch(error => this.#say(error));
      },
      simulate: () => {
        this.#shown = undefined;
        this.#restart();
      },
      set: (key, value) => this.#set(key, value),
      speed: speed => this.#update({ speed }),
      seek: time => this.#seek(time),
      brush: span => this.#update({ brush: span }),
      // The panes and the inspector.
      choose: (side, name) => this.#become({ ...this.#state, [side]: name === 'none' ? undefined : name }),
      click: (side, hit) => {
        if (hit.time !== undefined) this.#seek(hit.time);
        this.#update(clicking(this.#state, side, hit));
      },
      enlarge: name => this.#update({ large: this.#state.large === name ? undefined : name }),
      pin: pin => this.#update({ pin }),
      togglePin: pin => this.#update(togglingPin(this.#state, pin)),
      pinFound: pin => this.#update({ pin: { side: this.#activeSide, pin } }),
    };
  }

  // What is shown.

  #fromAddress(): void {
    const names = this.#shown && namesOf(this.#shown);
    try {
      this.#become(stateOf(this.#address.hash, names));
    } catch (error) {
      this.#say(error);
      this.#become(startOf(undefined, names));
    }
  }

  /** From the beginning of a scenario, or of the recordings that are shown. */
  #restart(scenario?: Scenario, change: Partial<PageState> = {}): void {
    const { theme, speed } = this.#state;
    this.#become({ ...startOf(scenario, this.#shown && namesOf(this.#shown)), theme, speed, ...change });
  }

  #become(state: PageState): void {
    this.#state = state;
    this.#simulations.bring(state, this.#shown);
    this.#settle();
  }

  #update(change: Partial<PageState>): void {
    this.#state = { ...this.#state, ...change };
    this.#frames.ask();
  }

  #set(key: SettingKey, value: unknown): void {
    this.#state = { ...this.#state, ...withSetting(this.#state, key, value) };
    this.#simulations.bringSoon(this.#state);
    this.#settle();
  }

  /** The bars say what the state says. */
  #settle(): void {
    const { scenario: name, a, b } = this.#state;
    const scenario = findScenario(name)!;
    this.#layout.settle(configOf(this.#state), scenario, this.#shown, { a, b });
    this.#frames.ask();
  }

  #show(side: Side, recording: Recording): void {
    const pane = this.#layout.panes[side];
    if (pane.run?.recording !== recording) pane.show(new Run(recording));
    this.#changed();
  }

  #changed(): void {
    this.#version++;
    this.#frames.ask();
  }

  async #open(file: File): Promise<void> {
    this.#layout.toolbar.say(`Opening ${file.name} …`, 'busy');
    try {
      const opened = await openFile(file);
      this.#layout.toolbar.say(undefined);
      if (opened.kind === 'recordings') {
        this.#shown = shownOf(opened.name, opened.recordings, false);
        this.#restart();
        return;
      }
      this.#shown = undefined;
      const { policy = [], replications: _, ...overrides } = opened.config;
      const [a, b] = policy;
      this.#restart(findScenario('own'), { overrides, ...(a !== undefined && { a, b }) });
    } catch (error) {
      this.#say(error);
    }
  }

  #say(error: unknown): void {
    if (!(error instanceof UsageError)) console.error(error);
    this.#layout.toolbar.say(error instanceof Error ? inWords(error.message) : String(error));
  }

  // The cursor.

  get #time(): Seconds {
    return timeOf(this.#state, this.#layout.runs);
  }

  get #activeSide(): Side {
    const runs = this.#layout.runs;
    return runs.some(([side]) => side === this.#active) ? this.#active : (runs[0]?.[0] ?? 'a');
  }

  /** The run whose steps are taken; undefined where nothing ran. */
  get #activeRun(): Run | undefined {
    const { run } = this.#layout.panes[this.#activeSide];
    return run && run.recording.steps.count > 0 ? run : undefined;
  }

  #seek(time: Seconds): void {
    this.#update(goingTo(this.#state, time, extentOf(this.#layout.runs)));
  }

  #step(by: number): void {
    const run = this.#activeRun;
    if (run) this.#goTo(run, stepFrom(run, this.#time, by));
  }

  #goTo(run: Run, step: number): void {
    this.#play(false);
    this.#seek(run.recording.steps.time[step]!);
    setText(this.#layout.live, announcement(run, step));
  }

  #play(playing: boolean): void {
    // From the end it begins again.
    const [from, to] = extentOf(this.#layout.runs);
    if (playing && this.#time >= to) this.#seek(from);
    this.#frames.play(playing);
  }

  #advance(seconds: number): void {
    const [, end] = extentOf(this.#layout.runs);
    const time = Math.min(end, this.#time + seconds * this.#state.speed);
    this.#seek(time);
    if (time >= end) this.#frames.play(false);
  }

  // The focus.

  #activate(side: Side): void {
    if (this.#active === side || !this.#layout.panes[side].run) return;
    this.#active = side;
    this.#frames.ask();
  }

  #focusView(index: number): void {
    const { name } = views[index]!;
    const pane = this.#layout.panes[this.#activeSide];
    const { large } = this.#state;
    if (large !== undefined || pane.focus(name)) {
      this.#state = { ...this.#state, large: large === name ? undefined : name };
      // Only what is on the screen can have the focus.
      this.#paint(true);
      pane.focus(name);
    }
    this.#frames.ask();
  }

  // Frames.

  get #theme() {
    return this.#appearance.theme(this.#state.theme);
  }

  #paint(words: boolean): void {
    const state = this.#state;
    const { runs } = this.#layout;
    const extent = extentOf(runs);
    const time = timeOf(state, runs);
    this.#appearance.dress(this.#theme);
    this.#layout.paint({
      words,
      seen: runs.map(([side, run]) => {
        const step = run.replay.stepAt(time);
        const blocks = run.replay.stateAt(step);
        const pin = pinIn(side, runs, state.pin);
        const window = state.zoom ?? extent;
        return { side, run, pane: { recording: run.recording, step, blocks, time, window, pin } };
      }),
      state,
      extent,
      time,
      theme: this.#theme,
      active: this.#activeSide,
      playing: this.#frames.playing,
      version: this.#version,
    });
  }

  #writeAddress(): void {
    // A file of the user's cannot be named in an address.
    if (this.#version === 0 || (this.#shown && !this.#shown.report)) return;
    this.#address.write(hashOf(this.#state, this.#shown && namesOf(this.#shown)));
  }
}
