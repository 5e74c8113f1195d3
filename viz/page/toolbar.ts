import { h, setText } from './dom.ts';
import type { UserTrace } from './opened-file.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import type { Shown } from './simulations.ts';

export interface ToolbarActions {
  scenario(name: string): void;
  open(file: File): void;
  simulate(): void;
  find(): void;
  tours(): void;
  perfetto(): void;
  keys(): void;
  theme(): void;
  /** The message was closed. */
  dismiss(): void;
}

/** The bar above: what is looked at, files, and the ways around. */
export class Toolbar {
  readonly element: HTMLElement;
  readonly #scenario: HTMLSelectElement;
  readonly #note = h('p', { class: 'note' });
  readonly #pick: HTMLElement;
  readonly #shown = h('span', { class: 'shown' });
  readonly #back: HTMLButtonElement;
  readonly #open: HTMLButtonElement;
  /** Where the focus goes when a tour ends. */
  readonly tours: HTMLButtonElement;
  readonly #words = h('span');
  readonly #message = h('p', { class: 'message', role: 'alert', hidden: true });

  constructor(actions: ToolbarActions) {
    const button = (text: string, label: string, run: () => void) =>
      h('button', { type: 'button', title: label, 'aria-label': label, onclick: run }, text);
    this.#scenario = h(
      'select',
      { 'aria-label': 'Scenario' },
      ...scenarios.map(({ name, title }) => h('option', { value: name }, title)),
    );
    this.#scenario.addEventListener('change', () => actions.scenario(this.#scenario.value));
    const file = h('input', {
      type: 'file',
      accept: '.quire,.json,.jsonl,.csv,.gz',
      hidden: true,
      'aria-label': 'Open a file',
    });
    file.addEventListener('change', () => {
      const [chosen] = file.files ?? [];
      if (chosen) actions.open(chosen);
      file.value = '';
    });
    this.#message.append(
      this.#words,
      h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: actions.dismiss }, '×'),
    );
    this.#pick = h('label', { class: 'scenario' }, h('span', { class: 'sr' }, 'Scenario '), this.#scenario);
    this.#back = button('Back to the simulation', 'Close the file, and simulate', actions.simulate);
    this.#open = button(
      'Open…',
      'Open a recording (.quire), results or a trace; or drop it on the page',
      () => file.click(),
    );
    this.tours = button('Tours', 'Guided tours (g)', actions.tours);
    this.element = h(
      'header',
      { class: 'toolbar' },
      h('h1', {}, 'Quire'),
      this.#pick,
      this.#shown,
      this.#back,
      this.#note,
      h(
        'div',
        { class: 'tools' },
        this.tours,
        this.#open,
        file,
        button('Perfetto', 'Open these runs in Perfetto, in a tab of its own', actions.perfetto),
        button('Find /', 'Find a request (/)', actions.find),
        button('Keys ?', 'Keys (?)', actions.keys),
        button('◐', 'Light or dark (t)', actions.theme),
      ),
      this.#message,
    );
  }

  show(scenario: Scenario, shown: Shown | undefined, trace: UserTrace | undefined): void {
    const opened = shown ?? trace;
    this.#pick.hidden = this.tours.hidden = opened !== undefined;
    this.#back.hidden = opened === undefined || shown?.report === true;
    setText(this.#shown, opened?.name ?? '');
    this.#scenario.value = scenario.name;
    const served =
      trace && `Both panes serve requests of this ${trace.format} trace, as many as “Requests” says.`;
    const note = served ?? (shown ? '' : scenario.note);
    setText(this.#note, note);
    this.#note.title = note;
  }

  /** A problem, or what goes on; undefined: nothing any more. */
  say(message: string | undefined, kind: 'problem' | 'busy' = 'problem'): void {
    this.#message.classList.toggle('busy', kind === 'busy');
    this.#message.hidden = message === undefined;
    setText(this.#words, message ?? '');
  }
}
