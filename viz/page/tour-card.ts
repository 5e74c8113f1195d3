import type { Runs } from './cursor.ts';
import { h, setText } from './dom.ts';
import type { Standing } from './touring.ts';
import { plain, type Words } from './tours/say.ts';
import { Sight } from './tours/sight.ts';

export interface TourActions {
  /** To the stop behind or before this one; past the last one the tour ends. */
  tourStep(by: 1 | -1): void;
  tourTo(stop: number): void;
  tourEnd(): void;
  /** The cursor, the pin and the policies as the stop has them. */
  tourResume(): void;
}

/** What a tour says, below what it speaks of. */
export class TourCard {
  readonly element: HTMLElement;
  readonly #tour = h('span', { class: 'tour-name' });
  readonly #count = h('span', { class: 'count' });
  readonly #dots = h('span', { class: 'dots' });
  readonly #title = h('h2', { id: 'tour-title' });
  readonly #text = h('p', { class: 'says' });
  readonly #note = h('p', { class: 'aside', hidden: true });
  readonly #noteText = h('span');
  readonly #back: HTMLButtonElement;
  readonly #next: HTMLButtonElement;
  readonly #to: (stop: number) => void;
  #told = '';

  constructor(actions: TourActions) {
    this.#to = stop => actions.tourTo(stop);
    const button = (text: string, label: string, kind: string, run: () => void) =>
      h('button', { type: 'button', class: kind, title: label, onclick: run }, text);
    this.#back = button('Back', 'The stop before (p)', '', () => actions.tourStep(-1));
    this.#next = button('Next', 'The next stop (n or Enter)', 'primary', () => actions.tourStep(1));
    this.#note.append(
      this.#noteText,
      h(
        'button',
        { type: 'button', class: 'link', onclick: () => actions.tourResume() },
        'As the stop has it',
      ),
    );
    this.element = h(
      'section',
      // It has the focus, and not its button, so that space plays.
      { class: 'tour-card', tabindex: '-1', 'aria-labelledby': 'tour-title', hidden: true },
      h('div', { class: 'where' }, this.#tour, this.#count, this.#dots),
      h('div', { class: 'what' }, this.#title, this.#text, this.#note),
      h(
        'div',
        { class: 'ways' },
        h('div', {}, this.#back, this.#next),
        button('End the tour', 'End the tour (Esc)', 'quiet end', () => actions.tourEnd()),
      ),
    );
  }

  /** @returns what is new to somebody who hears the page; undefined: nothing. */
  show(standing: Standing | undefined, runs: Runs, time: number): string | undefined {
    this.element.hidden = standing === undefined;
    if (!standing) return undefined;
    const { tour, stop, place } = standing;
    setText(this.#tour, tour.title);
    setText(this.#count, `${place.stop + 1} of ${tour.stops.length}`);
    setText(this.#title, stop.title);
    setText(this.#next, place.stop + 1 < tour.stops.length ? 'Next' : 'Finish');
    this.#back.setAttribute('aria-disabled', String(place.stop === 0));
    this.#showDots(standing);
    const words = wordsOf(standing, runs, time);
    if (words) this.#write(words);
    this.#text.classList.toggle('stale', words === undefined);
    this.#remark(standing);
    const told = `${tour.name} ${place.stop} ${standing.paused}`;
    if (!words || told === this.#told) return undefined;
    this.#told = told;
    return `${tour.title}, ${place.stop + 1} of ${tour.stops.length}: ${stop.title}. ${plain(words)}`;
  }

  #write(words: Words): void {
    if (this.#text.textContent === plain(words)) return;
    this.#text.replaceChildren(
      ...words.map(word =>
        typeof word === 'string'
          ? word
          : h('b', word.figure.length < 24 ? { class: 'one' } : {}, word.figure),
      ),
    );
  }

  #remark({ paused, moved, found }: Standing): void {
    this.#note.hidden = paused || !moved || !found;
    setText(this.#noteText, 'You moved the cursor, and the figures with it. ');
    if (!paused) return;
    this.#note.hidden = false;
    setText(this.#noteText, 'Paused: these are not the policies of this stop. ');
  }

  #showDots({ tour, place }: Standing): void {
    if (this.#dots.childElementCount !== tour.stops.length || this.#dots.dataset['of'] !== tour.name) {
      this.#dots.dataset['of'] = tour.name;
      this.#dots.replaceChildren(
        ...tour.stops.map(({ title }, i) =>
          h('button', {
            type: 'button',
            class: 'dot',
            title,
            'aria-label': `Stop ${i + 1}: ${title}`,
            onclick: () => this.#to(i),
          }),
        ),
      );
    }
    for (const [i, dot] of [...this.#dots.children].entries()) {
      if (i === place.stop) dot.setAttribute('aria-current', 'step');
      else dot.removeAttribute('aria-current');
      dot.classList.toggle('done', i < place.stop);
    }
  }
}

/** What a stop says of what is on the screen; undefined while that is being simulated. */
export function wordsOf(standing: Standing, runs: Runs, time: number): Words | undefined {
  const { stop, ready, paused, found } = standing;
  if (paused) return [`This stop is about ${[stop.a, stop.b].filter(Boolean).join(' and ')}.`];
  if (!ready) return undefined;
  if (!found) return [`With these settings there is no ${stop.moment}. Move a slider back, or go on.`];
  const sightOf = (side: 'a' | 'b') => {
    const run = runs.find(([one]) => one === side)?.[1];
    return run && new Sight(run, time);
  };
  return stop.says({ a: sightOf('a')!, b: sightOf('b'), found });
}
