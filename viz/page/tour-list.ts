import { plural } from '../views/words.ts';
import { h } from './dom.ts';
import { tours } from './tours/index.ts';
import type { Tour } from './tours/stop.ts';

const headings: Readonly<Record<Tour['kind'], string>> = {
  problem: 'Three problems',
  answer: 'And the answers',
};

/** The guided tours, a line each. */
export class TourList {
  readonly element: HTMLDialogElement;
  readonly #entries: readonly HTMLButtonElement[];

  constructor(start: (tour: string) => void) {
    const entryOf = ({ name, title, about, stops }: Tour) =>
      h(
        'button',
        {
          type: 'button',
          'data-tour': name,
          onclick: () => {
            this.element.close();
            start(name);
          },
        },
        h('b', {}, title),
        h('span', { class: 'stops' }, plural(stops.length, 'stop')),
        h('span', { class: 'about' }, about),
      );
    const entries = new Map(tours.map(tour => [tour, entryOf(tour)]));
    this.#entries = [...entries.values()];
    this.element = h(
      'dialog',
      { class: 'tours', 'aria-label': 'Guided tours' },
      h('h2', {}, 'Guided tours'),
      ...(['problem', 'answer'] as const).flatMap(kind => [
        h('h3', {}, headings[kind]),
        ...tours.filter(tour => tour.kind === kind).map(tour => entries.get(tour)),
      ]),
      h(
        'p',
        {},
        'Every figure is read off the simulation on the screen: move a slider or the cursor, and it follows.',
      ),
    );
    this.element.addEventListener('keydown', event => this.#move(event));
    this.element.addEventListener('click', event => {
      if (event.target === this.element) this.element.close();
    });
  }

  open(): void {
    this.element.showModal();
    this.#entries[0]!.focus();
  }

  #move(event: KeyboardEvent): void {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const { length } = this.#entries;
    const at = this.#entries.indexOf(document.activeElement as HTMLButtonElement);
    this.#entries[(at + by + length) % length]!.focus();
  }
}
