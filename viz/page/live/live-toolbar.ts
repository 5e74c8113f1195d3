import { slotKinds } from '../../../src/core/kv-memory.ts';
import { digits, percent } from '../../views/words.ts';
import { h, setText } from '../dom.ts';
import type { Figures, LiveModel } from './wire.ts';

export interface LiveToolbarActions {
  look(model: string): void;
  toggle(): void;
  find(): void;
  theme(): void;
  keys(): void;
}

/** Figures of the last seconds: rates are between the first of them and the last. */
const KEPT = 6;

/** The bar above: which engine, what it does now in figures, and whether the page follows it. */
export class LiveToolbar {
  readonly element: HTMLElement;
  readonly #models = h('select', { 'aria-label': 'Model' });
  readonly #on = h('span', { class: 'note' });
  readonly #figures = h('p', { class: 'live-figures', 'aria-label': 'Figures of the engine' });
  readonly #follow: HTMLButtonElement;
  readonly #banner = h('p', { class: 'message', role: 'alert', hidden: true });
  #offered = '';
  #kept: Figures[] = [];

  constructor(actions: LiveToolbarActions) {
    const button = (text: string, label: string, run: () => void) =>
      h('button', { type: 'button', title: label, 'aria-label': label, onclick: run }, text);
    this.#follow = button('Live', 'Follow the newest step, or stand still (Space)', actions.toggle);
    this.#follow.classList.add('follow');
    this.#models.addEventListener('change', () => actions.look(this.#models.value));
    this.element = h(
      'header',
      { class: 'toolbar live' },
      h('h1', {}, 'Quire'),
      this.#follow,
      this.#models,
      this.#on,
      this.#figures,
      h(
        'div',
        { class: 'tools' },
        button('Find /', 'Find a request (/)', actions.find),
        button('Keys ?', 'Keys (?)', actions.keys),
        button('◐', 'Light or dark (t)', actions.theme),
      ),
      this.#banner,
    );
  }

  offer(models: readonly LiveModel[], chosen: string): void {
    const offered = models.map(({ id }) => id).join('\n');
    if (offered !== this.#offered) {
      this.#offered = offered;
      this.#models.replaceChildren(...models.map(({ id }) => h('option', { value: id }, id)));
    }
    this.#models.value = chosen;
    this.#kept = [];
    setText(this.#figures, '');
    const { backend, device, dtype } = models.find(({ id }) => id === chosen) ?? models[0]!;
    setText(this.#on, `${backend === device ? device : `${backend}, ${device}`}, ${dtype}`);
    document.title = `Quire: live, ${chosen}`;
  }

  /** Of one engine, one after the other. */
  count(figures: Figures): void {
    this.#kept = [...this.#kept, figures].slice(-KEPT);
    setText(this.#figures, figuresText(this.#kept));
  }

  following(following: boolean): void {
    this.#follow.setAttribute('aria-pressed', String(following));
    setText(this.#follow, following ? '● Live' : '▶ Live');
  }

  /** What is wrong; undefined: nothing any more. */
  warn(words: string | undefined): void {
    this.#banner.hidden = words === undefined;
    setText(this.#banner, words ?? '');
  }
}

/** As a person reads them; rates over all that are given. */
export function figuresText(kept: readonly Figures[]): string {
  const [first, last] = [kept[0]!, kept.at(-1)!];
  const { running, waiting, waitingFor, usage, steps, preemptions } = last;
  const slots = slotKinds.reduce((sum, kind) => sum + usage[kind], 0);
  const held = slots - usage.free - usage.cached;
  const seconds = last.time - first.time;
  const rate = (of: (figures: Figures) => number) =>
    seconds > 0 ? digits((of(last) - of(first)) / seconds) : '0';
  const queries = last.prefixQueries - first.prefixQueries;
  const hits = last.prefixHits - first.prefixHits;
  return [
    `${running} running`,
    `${waiting} waiting${waiting > 0 && waitingFor !== undefined ? ` (${waitingFor})` : ''}`,
    `KV ${percent(slots > 0 ? held / slots : 0)}`,
    `${rate(({ outputTokens }) => outputTokens)} tokens/s out`,
    `${rate(({ promptTokens }) => promptTokens)} in`,
    ...(queries > 0 ? [`${percent(hits / queries)} found cached`] : []),
    ...(preemptions > 0 ? [`${preemptions} preempted`] : []),
    `${steps} steps`,
  ].join(' · ');
}
