import { h, setText } from './dom.ts';
import { Overview, type OverviewActions, type OverviewState } from './overview.ts';
import { type PageState, speeds } from './state.ts';

export interface TransportActions extends OverviewActions {
  play(): void;
  step(by: number): void;
  speed(value: number): void;
  zoom(): void;
  resetWindow(): void;
}

/** The bar below: play, step, speed, the whole time axis, the window. */
export class Transport {
  readonly element: HTMLElement;
  readonly #play: HTMLButtonElement;
  readonly #time = h('output', { class: 'time', 'aria-label': 'Time' });
  readonly #speed: HTMLSelectElement;
  readonly #zoom: HTMLButtonElement;
  readonly #reset: HTMLButtonElement;
  readonly #overview: Overview;

  constructor(actions: TransportActions, resized: () => void) {
    const button = (text: string, label: string, run: () => void, kind = '') =>
      h('button', { type: 'button', class: kind, title: label, 'aria-label': label, onclick: run }, text);
    this.#play = button('▶', 'Play (space)', actions.play, 'primary play');
    this.#speed = h(
      'select',
      { 'aria-label': 'Speed: simulated seconds a second', title: 'Simulated seconds a second' },
      ...speeds.map(speed => h('option', { value: String(speed) }, `${speed}×`)),
    );
    this.#speed.addEventListener('change', () => actions.speed(Number(this.#speed.value)));
    this.#zoom = button('Zoom', 'Zoom to the window (z)', actions.zoom);
    this.#reset = button('All', 'Show the whole run, without a window (0)', actions.resetWindow);
    this.#overview = new Overview(actions, resized);
    this.element = h(
      'footer',
      { class: 'transport' },
      this.#play,
      button('◂', 'One step back (←)', () => actions.step(-1)),
      button('▸', 'One step on (→)', () => actions.step(1)),
      this.#speed,
      this.#time,
      this.#overview.element,
      this.#zoom,
      this.#reset,
    );
  }

  draw(state: OverviewState): void {
    this.#overview.draw(state);
  }

  write(time: number, playing: boolean, { brush, zoom, speed }: PageState): void {
    setText(this.#play, playing ? '❚❚' : '▶');
    this.#play.setAttribute('aria-label', playing ? 'Pause (space)' : 'Play (space)');
    if (this.#speed.value !== String(speed)) this.#speed.value = String(speed);
    setText(this.#time, `${time.toFixed(3)} s`);
    this.#zoom.disabled = brush === undefined;
    this.#reset.disabled = brush === undefined && zoom === undefined;
    this.#overview.write(time);
  }
}
