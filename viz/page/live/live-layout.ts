import type { Hit, Pane, Pin, Theme } from '../../picture.ts';
import { views } from '../../views/index.ts';
import { h, setText } from '../dom.ts';
import { FindDialog } from '../find-dialog.ts';
import { Inspector } from '../inspector.ts';
import { keysDialog, listen } from '../keys.ts';
import { PaneView } from '../pane.ts';
import type { Span } from '../state.ts';
import { Tooltip } from '../tooltip.ts';
import { steadyTheme } from './following.ts';
import { type LiveCommands, liveShortcuts } from './live-keys.ts';
import { LiveToolbar, type LiveToolbarActions } from './live-toolbar.ts';
import { LiveTransport } from './live-transport.ts';
import type { Standing } from './standing.ts';

/** All that a user can do. */
export interface LiveActions extends LiveCommands, LiveToolbarActions {
  seek(time: number): void;
  brush(span: Span): void;
  click(hit: Hit): void;
  pin(pin: Pin | undefined): void;
  togglePin(pin: Pin): void;
  enlarge(view: string): void;
  resized(): void;
}

/** Where everything stands: the pane and the inspector of the page of simulations, with other bars. */
export class LiveLayout {
  readonly pane: PaneView;
  readonly toolbar: LiveToolbar;
  readonly find: FindDialog;
  readonly keys: HTMLDialogElement;
  /** What a screen reader says by itself. */
  readonly spoken = h('div', { class: 'sr', role: 'status', 'aria-live': 'polite' });
  readonly #transport: LiveTransport;
  readonly #inspector: Inspector;
  readonly #tooltip = new Tooltip();
  readonly #waits = h('p', { class: 'live-waits' });

  constructor(root: HTMLElement, actions: LiveActions) {
    const resized = () => actions.resized();
    this.pane = new PaneView(
      'a',
      {
        choose: () => undefined,
        activate: () => undefined,
        pinDecision: decision => actions.togglePin({ kind: 'decision', decision }),
        hover: (hit, x, y) => this.#tooltip.show(hit, x, y),
        click: hit => actions.click(hit),
        seek: time => actions.seek(time),
        brush: span => actions.brush(span),
        resetWindow: () => actions.resetWindow(),
        enlarge: name => actions.enlarge(name),
      },
      resized,
    );
    this.toolbar = new LiveToolbar(actions);
    this.#transport = new LiveTransport(actions, resized);
    this.#inspector = new Inspector({
      pin: ({ pin }) => actions.pin(pin),
      seek: time => actions.seek(time),
      close: () => actions.pin(undefined),
    });
    this.find = new FindDialog(pin => actions.pin(pin));
    const shortcuts = liveShortcuts(actions, views.length);
    this.keys = keysDialog(shortcuts);
    listen(shortcuts);
    root.classList.add('live');
    root.append(
      this.toolbar.element,
      h(
        'main',
        {},
        h('div', { class: 'panes single' }, this.pane.element, this.#waits),
        this.#inspector.element,
      ),
      this.#transport.element,
      this.#tooltip.element,
      this.find.element,
      this.keys,
      this.spoken,
    );
    this.wait('Connecting …');
  }

  /** Nothing can be shown yet, and why. */
  wait(words: string): void {
    setText(this.#waits, words);
    this.#waits.hidden = false;
    this.pane.element.hidden = true;
    this.#transport.element.hidden = true;
    this.#tooltip.show(undefined, 0, 0);
  }

  /** There is something to show. */
  ready(): void {
    this.#waits.hidden = true;
    this.pane.element.hidden = false;
    this.#transport.element.hidden = false;
  }

  /** @param version of what is shown: another one after each recording. */
  paint(standing: Standing, seen: Pane, plain: Theme, version: number, words: boolean): void {
    const run = standing.run!;
    const { state, extent, time } = standing;
    const theme = steadyTheme(plain, run.recording);
    this.pane.draw(seen, state, theme, undefined);
    const { brush, zoom } = state;
    const overview = { runs: [['a', run] as const], extent, time, brush, zoom, theme };
    this.#transport.draw(overview);
    if (!words) return;
    this.pane.write(seen, state);
    this.#transport.write(overview);
    this.toolbar.following(standing.following);
    const inspected = seen.pin ? [{ side: 'a' as const, run, step: seen.step, pin: seen.pin }] : [];
    this.#inspector.show(inspected, theme, String(version));
  }
}
