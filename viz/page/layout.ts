import type { Seconds } from '../../src/core/units.ts';
import type { Config } from '../../src/sim/config.ts';
import type { Hit, Pane, Pin, Theme, View } from '../picture.ts';
import { views } from '../views/index.ts';
import { comparison } from './comparison.ts';
import type { Runs } from './cursor.ts';
import { h, setText } from './dom.ts';
import { FindDialog } from './find-dialog.ts';
import { type Inspected, Inspector } from './inspector.ts';
import { keysDialog, listen } from './keys.ts';
import type { UserTrace } from './opened-file.ts';
import { PaneView } from './pane.ts';
import type { Run } from './run.ts';
import type { Scenario } from './scenarios.ts';
import { SettingsForm } from './settings-form.ts';
import { type Commands, shortcutsOf } from './shortcuts.ts';
import { namesOf, type Shown } from './simulations.ts';
import { type PagePin, type PageState, type Side, type Span, sides } from './state.ts';
import { Toolbar, type ToolbarActions } from './toolbar.ts';
import { Tooltip } from './tooltip.ts';
import { type TourActions, TourCard } from './tour-card.ts';
import { TourList } from './tour-list.ts';
import type { Standing } from './touring.ts';
import { Transport, type TransportActions } from './transport.ts';

/** All that a user can do. */
export interface PageActions extends Commands, ToolbarActions, TransportActions, TourActions {
  tour(name: string): void;
  set: ConstructorParameters<typeof SettingsForm>[0];
  choose(side: Side, name: string): void;
  click(side: Side, hit: Hit): void;
  enlarge(view: View['name']): void;
  pin(pin: PagePin | undefined): void;
  togglePin(pin: PagePin): void;
  pinFound(pin: Pin): void;
  resized(): void;
}

/** One frame of the page. */
export interface Frame {
  /** Whether what is written follows as well: faster than one reads it need not. */
  readonly words: boolean;
  readonly seen: readonly { readonly side: Side; readonly run: Run; readonly pane: Pane }[];
  readonly state: PageState;
  readonly extent: Span;
  readonly time: Seconds;
  readonly theme: Theme;
  readonly tour: Standing | undefined;
  readonly active: Side;
  readonly playing: boolean;
  readonly version: number;
}

/** Where everything stands. */
export class Layout {
  readonly panes: Readonly<Record<Side, PaneView>>;
  readonly toolbar: Toolbar;
  readonly find: FindDialog;
  readonly tours: TourList;
  readonly card: TourCard;
  readonly keys: HTMLDialogElement;
  /** What a screen reader says by itself. */
  readonly live = h('div', { class: 'sr', role: 'status', 'aria-live': 'polite' });
  readonly #form: SettingsForm;
  readonly #transport: Transport;
  readonly #inspector: Inspector;
  readonly #tooltip = new Tooltip();
  readonly #sentence = h('p', { class: 'sentence' });
  readonly #root: HTMLElement;

  constructor(root: HTMLElement, actions: PageActions) {
    this.#root = root;
    this.panes = { a: this.#pane('a', actions), b: this.#pane('b', actions) };
    this.toolbar = new Toolbar(actions);
    this.#form = new SettingsForm((key, value) => actions.set(key, value));
    this.#transport = new Transport(actions, () => actions.resized());
    this.#inspector = new Inspector({
      pin: pin => actions.pin(pin),
      seek: time => actions.seek(time),
      close: () => actions.pin(undefined),
    });
    this.find = new FindDialog(pin => actions.pinFound(pin));
    this.tours = new TourList(name => actions.tour(name));
    this.card = new TourCard(actions);
    const shortcuts = shortcutsOf(actions, views.length);
    this.keys = keysDialog(shortcuts);
    listen(shortcuts);
    root.append(
      this.toolbar.element,
      this.#form.element,
      this.#sentence,
      h(
        'main',
        {},
        h('div', { class: 'panes' }, this.panes.a.element, this.panes.b.element),
        this.#inspector.element,
      ),
      this.card.element,
      this.#transport.element,
      this.#tooltip.element,
      this.find.element,
      this.tours.element,
      this.keys,
      this.live,
    );
  }

  get runs(): Runs {
    return sides.flatMap(side => {
      const { run } = this.panes[side];
      return run ? [[side, run] as const] : [];
    });
  }

  #pane(side: Side, actions: PageActions): PaneView {
    return new PaneView(
      side,
      {
        choose: name => actions.choose(side, name),
        pinDecision: decision => actions.togglePin({ side, pin: { kind: 'decision', decision } }),
        activate: () => actions.activate(side),
        hover: (hit, x, y) => this.#tooltip.show(hit, x, y),
        click: hit => actions.click(side, hit),
        seek: time => actions.seek(time),
        brush: span => actions.brush(span),
        resetWindow: () => actions.resetWindow(),
        enlarge: name => actions.enlarge(name),
      },
      () => actions.resized(),
    );
  }

  /** What is chosen, where there is something to choose. */
  settle(
    config: Config,
    scenario: Scenario,
    shown: Shown | undefined,
    trace: UserTrace | undefined,
    chosen: Pick<PageState, 'a' | 'b'>,
  ): void {
    this.#form.show(config);
    this.#form.element.hidden = shown !== undefined;
    this.toolbar.show(scenario, shown, trace);
    const names = namesOf(shown);
    this.panes.a.offer(names, chosen.a, false);
    this.panes.b.offer(names, chosen.b, true);
    this.panes.b.element.hidden = chosen.b === undefined;
    this.panes.b.element.parentElement!.classList.toggle('single', chosen.b === undefined);
    document.title = `Quire: ${(shown ?? trace)?.name ?? scenario.title}`;
  }

  /** @returns whether all was drawn; the rest wants another frame. */
  paint({ words, seen, state, extent, time, theme, tour, active, playing, version }: Frame): boolean {
    const runs = seen.map(({ side, run }) => [side, run] as const);
    // Before the views: they draw in the room that it leaves.
    this.#root.classList.toggle('touring', tour !== undefined);
    let all = true;
    for (const { side, pane } of seen) all = this.panes[side].draw(pane, state, theme, tour?.stop) && all;
    const { brush, zoom } = state;
    this.#transport.draw({ runs, extent, time, brush, zoom, theme });
    if (!words) return all;
    const [one, other] = seen;
    setText(this.#sentence, one && other ? comparison(one.run, other.run) : '');
    this.#transport.write(time, playing, state);
    for (const { side, pane } of seen) {
      this.panes[side].element.classList.toggle('active', side === active && seen.length > 1);
      this.panes[side].write(pane, state);
    }
    const heard = this.card.show(tour, runs, time);
    if (heard !== undefined) setText(this.live, heard);
    // What a tour pins is outlined; the card says what is to be said of it.
    const inspected = seen.flatMap(({ side, run, pane }): Inspected[] =>
      pane.pin && state.pin ? [{ side, run, step: pane.step, pin: pane.pin }] : [],
    );
    // Where it was clicked comes first.
    inspected.sort((one, other) => +(other.side === state.pin?.side) - +(one.side === state.pin?.side));
    this.#inspector.show(inspected, theme, String(version));
    return all;
  }
}
