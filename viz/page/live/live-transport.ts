import { h, setText } from '../dom.ts';
import { Overview, type OverviewActions, type OverviewState } from '../overview.ts';

export interface LiveTransportActions extends OverviewActions {
  step(by: number): void;
  zoom(): void;
}

/** The bar below: step, the time that is kept, the window. */
export class LiveTransport {
  readonly element: HTMLElement;
  readonly #time = h('output', { class: 'time', 'aria-label': 'Time' });
  readonly #zoom: HTMLButtonElement;
  readonly #reset: HTMLButtonElement;
  readonly #overview: Overview;

  constructor(actions: LiveTransportActions, resized: () => void) {
    const button = (text: string, label: string, run: () => void) =>
      h('button', { type: 'button', title: label, 'aria-label': label, onclick: run }, text);
    this.#zoom = button('Zoom', 'Zoom to the window (z)', actions.zoom);
    this.#reset = button('All', 'Show all steps that are kept (0)', actions.resetWindow);
    this.#overview = new Overview(actions, resized);
    this.element = h(
      'footer',
      { class: 'transport' },
      button('◂', 'One step back (←)', () => actions.step(-1)),
      button('▸', 'One step on (→)', () => actions.step(1)),
      this.#time,
      this.#overview.element,
      this.#zoom,
      this.#reset,
    );
  }

  draw(state: OverviewState): void {
    this.#overview.draw(state);
  }

  write({ time, brush, zoom }: OverviewState): void {
    setText(this.#time, `${time.toFixed(3)} s`);
    this.#zoom.disabled = brush === undefined;
    this.#reset.disabled = brush === undefined && zoom === undefined;
    this.#overview.write(time);
  }
}
