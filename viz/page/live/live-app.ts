import './live.css';
import { views } from '../../views/index.ts';
import { Appearance } from '../appearance.ts';
import { brushingEdge, clicking, escaping, togglingPin, withoutWindow } from '../changes.ts';
import { announcement, goingTo, stepFrom } from '../cursor.ts';
import { setText } from '../dom.ts';
import { Frames } from '../frames.ts';
import { Run } from '../run.ts';
import type { PageState } from '../state.ts';
import { Connection } from './connection.ts';
import { type LiveActions, LiveLayout } from './live-layout.ts';
import { Loader } from './loader.ts';
import { Pointing } from './pointing.ts';
import { Standing } from './standing.ts';
import type { LiveEvent } from './wire.ts';

/** The page of a running server: the views of a simulation, over the last steps of an engine, as they happen. */
export class LiveApp {
  readonly #layout: LiveLayout;
  readonly #standing = new Standing();
  /** The start of the server and the model that are looked at. */
  #run = '';
  #model = '';
  #records = true;
  /** Counts the recordings shown. */
  #version = 0;
  #painted = 0;
  readonly #frames = new Frames({
    advance: () => undefined,
    paint: words => this.#paint(words),
    rest: () => undefined,
  });
  readonly #appearance = new Appearance(() => this.#frames.ask());
  readonly #pointing: Pointing;
  readonly #loader = new Loader({
    loaded: recording => this.#show(new Run(recording, recording.steps.time[0])),
    failed: message => this.#layout.toolbar.warn(message),
  });
  readonly #connection = new Connection({
    heard: event => this.#heard(event),
    lost: why => this.#layout.toolbar.warn(`Connection lost: ${why}. Trying again …`),
    refused: () => {
      this.#layout.toolbar.warn('The server wants its key again: reload this page and show it.');
    },
  });

  constructor(root: HTMLElement) {
    this.#layout = new LiveLayout(root, this.#actions());
    this.#pointing = new Pointing(root, {
      held: () => this.#hold(),
      reads: () => this.#halt(),
    });
  }

  start(): void {
    this.#appearance.dress(this.#theme);
    this.#layout.toolbar.following(true);
    this.#connection.look(undefined);
  }

  #actions(): LiveActions {
    return {
      resized: () => this.#frames.ask(),
      look: model => this.#connection.look(model),
      follow: () => this.#follow(),
      toggle: () => {
        if (this.#standing.following) this.#halt();
        else this.#follow();
      },
      step: by => {
        const { run, time } = this.#standing;
        if (run) this.#goTo(run, stepFrom(run, time, by));
      },
      first: () => {
        const { run } = this.#standing;
        if (run) this.#goTo(run, 0);
      },
      seek: time => {
        this.#halt();
        this.#update(goingTo(this.#standing.state, time, this.#standing.extent));
      },
      brush: span => {
        this.#halt();
        this.#update({ brush: span });
      },
      brushEdge: edge => {
        this.#halt();
        const { state, time, extent } = this.#standing;
        this.#update(brushingEdge(state, edge, time, extent));
      },
      zoom: () => {
        const { brush } = this.#standing.state;
        if (brush) this.#update({ zoom: brush });
      },
      resetWindow: () => {
        this.#halt();
        this.#update(withoutWindow);
      },
      click: hit => this.#update(clicking(this.#standing.state, 'a', hit)),
      pin: pin => this.#update({ pin: pin && { side: 'a', pin } }),
      togglePin: pin => this.#update(togglingPin(this.#standing.state, { side: 'a', pin })),
      enlarge: name => this.#update({ large: this.#standing.state.large === name ? undefined : name }),
      find: () => {
        const { run } = this.#standing;
        if (!run) return;
        // What is found is of the recording that was searched.
        this.#halt();
        this.#layout.find.open(run);
      },
      focusView: index => this.#focusView(index),
      theme: () => this.#update({ theme: this.#theme.name === 'dark' ? 'light' : 'dark' }),
      keys: () => this.#layout.keys.showModal(),
      escape: () => this.#update(escaping(this.#standing.state)),
    };
  }

  #follow(): void {
    this.#standing.follow();
    this.#hold();
  }

  #heard(event: LiveEvent): void {
    const { toolbar } = this.#layout;
    switch (event.type) {
      case 'hello': {
        const { run, model, models } = event;
        toolbar.warn(undefined);
        toolbar.offer(models, model);
        this.#records = models.find(({ id }) => id === model)?.records ?? false;
        // After a mere break of the line all goes on where it was.
        if (run === this.#run && model === this.#model) return;
        [this.#run, this.#model] = [run, model];
        this.#loader.forget();
        this.#follow();
        this.#show(undefined);
        return;
      }
      case 'figures': {
        toolbar.count(event.figures);
        if (event.state === 'failed') toolbar.warn('The engine has failed; the log of the server says why.');
        else if (event.state === 'draining') toolbar.warn('The server is shutting down.');
        return;
      }
      case 'recording':
        this.#loader.announce({ run: this.#run, model: this.#model, number: event.number });
        return;
      default:
        event satisfies never;
    }
  }

  #show(run: Run | undefined): void {
    this.#version++;
    this.#standing.show(run);
    if (run) {
      const { policy } = run.recording;
      this.#layout.pane.offer([policy], policy, false);
      this.#layout.pane.show(run);
      this.#layout.ready();
    } else {
      this.#layout.wait(
        this.#records
          ? 'The engine is idle: its next step will be shown here.'
          : 'This engine cannot be recorded: there are its figures alone.',
      );
    }
    this.#frames.ask();
  }

  #update(change: Partial<PageState>): void {
    this.#standing.update(change);
    this.#frames.ask();
  }

  /** Nothing new is shown from now on. */
  #halt(): void {
    this.#standing.halt();
    this.#hold();
  }

  /** Nothing may change under who looks closely, nor under a finger that is on its way. */
  #hold(): void {
    this.#loader.hold(!this.#standing.following || this.#pointing.pressing);
    this.#frames.ask();
  }

  #goTo(run: Run, step: number): void {
    this.#halt();
    this.#update(goingTo(this.#standing.state, run.recording.steps.time[step]!, this.#standing.extent));
    setText(this.#layout.spoken, announcement(run, step));
  }

  #focusView(index: number): void {
    const { name } = views[index]!;
    const { pane } = this.#layout;
    const { large } = this.#standing.state;
    if (large !== undefined || pane.focus(name)) {
      this.#standing.update({ large: large === name ? undefined : name });
      // Only what is on the screen can have the focus.
      this.#paint(true);
      pane.focus(name);
    }
    this.#frames.ask();
  }

  get #theme() {
    return this.#appearance.theme(this.#standing.state.theme);
  }

  #paint(words: boolean): void {
    this.#appearance.dress(this.#theme);
    const { seen } = this.#standing;
    if (!seen) return;
    this.#layout.paint(this.#standing, seen, this.#theme, this.#version, words);
    if (this.#painted === this.#version) return;
    this.#painted = this.#version;
    // Something else lies under a pointer that rests.
    this.#pointing.again();
  }
}
