import { UsageError } from '../../src/core/errors.ts';
import { perfettoTrace } from '../../src/trace/perfetto.ts';
import type { Recording } from '../../src/trace/recording.ts';
import { openInPerfetto } from '../perfetto-link.ts';
import { views } from '../views/index.ts';
import { Address } from './address.ts';
import { Appearance } from './appearance.ts';
import { brushingEdge, clicking, escaping, togglingPin, withoutWindow } from './changes.ts';
import { extentOf, timeOf } from './cursor.ts';
import { setText } from './dom.ts';
import { Frames } from './frames.ts';
import { Guide } from './guide.ts';
import { Layout } from './layout.ts';
import { acceptDrops, embeddedRecordings } from './opened-file.ts';
import { Opening } from './opening.ts';
import { pinIn } from './pins.ts';
import { Playhead } from './playhead.ts';
import { Run } from './run.ts';
import { findScenario } from './scenarios.ts';
import { Scene } from './scene.ts';
import { inWords } from './settings-form.ts';
import { Simulations, shownOf } from './simulations.ts';
import { configOf, type PageState, type Side } from './state.ts';

/** The page: one state, two panes, one cursor. Whatever changes the state asks for a frame. */
export class App {
  #active: Side = 'b';
  /** Counts the runs shown, so that what was built for an older one is known as old. */
  #version = 0;
  readonly #layout: Layout;
  readonly #simulations: Simulations;
  readonly #scene: Scene;
  readonly #frames = new Frames({
    advance: seconds => this.#playhead.advance(seconds),
    paint: words => this.#paint(words),
    rest: () => this.#writeAddress(),
  });
  readonly #playhead: Playhead;
  readonly #guide: Guide;
  readonly #opening = new Opening({
    say: words => this.#layout.toolbar.say(words, 'busy'),
    opened: opened => this.#scene.open(opened),
    failed: error => this.#say(error),
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
    this.#scene = new Scene(this.#simulations, () => this.#settle());
    const page = this;
    this.#playhead = new Playhead(
      {
        get state() {
          return page.#scene.state;
        },
        get runs() {
          return page.#layout.runs;
        },
        get active() {
          return page.#activeRun;
        },
        get story() {
          return page.#guide.standing?.found?.time;
        },
        update: change => this.#update(change),
        say: words => setText(this.#layout.live, words),
      },
      this.#frames,
    );
    this.#guide = new Guide({
      get state() {
        return page.#scene.state;
      },
      get time() {
        return page.#playhead.time;
      },
      enter: state => this.#enter(state),
      leave: state => {
        this.#scene.become(state);
        this.#layout.toolbar.tours.focus();
      },
    });
    acceptDrops(root, file => void this.#opening.open(file));
  }

  async start(): Promise<void> {
    try {
      const recordings = await embeddedRecordings();
      if (recordings) this.#scene.report(shownOf('Report', recordings, true));
    } catch (error) {
      this.#say(error);
    }
    this.#fromAddress();
  }

  #actions(): ConstructorParameters<typeof Layout>[1] {
    return {
      resized: () => this.#frames.ask(),
      // Keys.
      step: by => this.#playhead.step(by),
      toEnd: of => this.#playhead.toEnd(of),
      play: () => this.#playhead.toggle(),
      find: () => {
        if (this.#activeRun) this.#layout.find.open(this.#activeRun);
      },
      activate: side => this.#activate(side),
      focusView: index => this.#focusView(index),
      brushEdge: edge =>
        this.#update(brushingEdge(this.#scene.state, edge, this.#playhead.time, this.#playhead.extent)),
      zoom: () => this.#update({ zoom: this.#scene.state.brush ?? this.#scene.state.zoom }),
      resetWindow: () => this.#update(withoutWindow),
      theme: () => this.#update({ theme: this.#theme.name === 'dark' ? 'light' : 'dark' }),
      keys: () => this.#layout.keys.showModal(),
      escape: () => {
        const had = this.#opening.giveUp();
        this.#layout.toolbar.say(undefined);
        if (!had && !this.#guide.end()) this.#update(escaping(this.#scene.state));
      },
      // Tours.
      tours: () => this.#layout.tours.open(),
      tour: name => this.#guide.begin(name),
      tourStep: by => this.#guide.step(by),
      tourTo: stop => this.#guide.to(stop),
      tourEnd: () => void this.#guide.end(),
      tourResume: () => this.#guide.resume(),
      // The bars.
      scenario: name => this.#scene.restart(findScenario(name)),
      open: file => void this.#opening.open(file),
      dismiss: () => {
        this.#opening.giveUp();
        this.#layout.toolbar.say(undefined);
      },
      perfetto: () => {
        const recordings = this.#layout.runs.map(([, run]) => run.recording);
        openInPerfetto(perfettoTrace(recordings), document.title).catch(error => this.#say(error));
      },
      simulate: () => this.#scene.simulate(),
      set: (key, value) => this.#scene.set(key, value),
      speed: speed => this.#update({ speed }),
      seek: time => this.#playhead.seek(time),
      brush: span => this.#update({ brush: span }),
      // The panes and the inspector.
      choose: (side, name) =>
        this.#scene.become({ ...this.#scene.state, [side]: name === 'none' ? undefined : name }),
      click: (side, hit) => {
        if (hit.time !== undefined) this.#playhead.seek(hit.time);
        this.#update(clicking(this.#scene.state, side, hit));
      },
      enlarge: name => this.#update({ large: this.#scene.state.large === name ? undefined : name }),
      pin: pin => this.#update({ pin }),
      togglePin: pin => this.#update(togglingPin(this.#scene.state, pin)),
      pinFound: pin => this.#update({ pin: { side: this.#activeSide, pin } }),
    };
  }

  // What is shown.

  #fromAddress(): void {
    try {
      this.#scene.restore(this.#address.hash);
    } catch (error) {
      this.#say(error);
    }
  }

  #update(change: Partial<PageState>): void {
    this.#scene.update(change);
    this.#frames.ask();
  }

  /** The bars say what the state says. */
  #settle(): void {
    const { state, scenario, shown, trace } = this.#scene;
    this.#layout.settle(configOf(state), scenario, shown, trace, state);
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

  #enter(state: PageState): void {
    this.#playhead.play(false);
    this.#scene.simulate(state);
    // Not shown yet, it could not have the focus.
    this.#paint(true);
    const { element } = this.#layout.card;
    if (!element.contains(document.activeElement)) element.focus();
  }

  #say(error: unknown): void {
    if (!(error instanceof UsageError)) console.error(error);
    this.#layout.toolbar.say(error instanceof Error ? inWords(error.message) : String(error));
  }

  // The cursor.

  get #activeSide(): Side {
    const runs = this.#layout.runs;
    return runs.some(([side]) => side === this.#active) ? this.#active : (runs[0]?.[0] ?? 'a');
  }

  /** The run whose steps are taken; undefined where nothing ran. */
  get #activeRun(): Run | undefined {
    const { run } = this.#layout.panes[this.#activeSide];
    return run && run.recording.steps.count > 0 ? run : undefined;
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
    const { large } = this.#scene.state;
    if (large !== undefined || pane.focus(name)) {
      this.#scene.update({ large: large === name ? undefined : name });
      // Only what is on the screen can have the focus.
      this.#paint(true);
      pane.focus(name);
    }
    this.#frames.ask();
  }

  // Frames.

  get #theme() {
    return this.#appearance.theme(this.#scene.state.theme);
  }

  #paint(words: boolean): void {
    const { state } = this.#scene;
    const { runs } = this.#layout;
    const extent = extentOf(runs);
    const tour = this.#guide.stand(runs, this.#simulations.settled);
    const time = timeOf(state, runs, tour?.found?.time);
    this.#appearance.dress(this.#theme);
    const isWhole = this.#layout.paint({
      words,
      seen: runs.map(([side, run]) => {
        const step = run.replay.stepAt(time);
        const blocks = run.replay.stateAt(step);
        const pin = pinIn(side, runs, state.pin ?? tour?.found?.pin);
        const window = state.zoom ?? tour?.found?.zoom ?? extent;
        return { side, run, pane: { recording: run.recording, step, blocks, time, window, pin } };
      }),
      state,
      extent,
      time,
      theme: this.#theme,
      tour,
      active: this.#activeSide,
      playing: this.#frames.playing,
      version: this.#version,
    });
    if (!isWhole) this.#frames.goOn();
  }

  #writeAddress(): void {
    const { hash } = this.#scene;
    if (this.#version > 0 && hash !== undefined) this.#address.write(hash);
  }
}
