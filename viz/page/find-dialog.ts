import { requestColumns } from '../../src/trace/request-columns.ts';
import type { Pin } from '../picture.ts';
import { duration, plural } from '../views/words.ts';
import { h } from './dom.ts';
import type { Run } from './run.ts';

const LISTED = 12;

interface Found {
  readonly pin: Pin;
  readonly text: string;
}

/** `/`: a request by its id, or a block by its number. */
export class FindDialog {
  readonly element: HTMLDialogElement;
  readonly #input = h('input', {
    type: 'text',
    role: 'combobox',
    'aria-expanded': 'true',
    'aria-controls': 'found',
    'aria-label': 'Request id, or b and a block number',
    placeholder: '17, or b42 for a block',
    autocomplete: 'off',
  });
  readonly #list = h('ul', { id: 'found', role: 'listbox', 'aria-label': 'Found' });
  readonly #pin: (pin: Pin) => void;
  #run: Run | undefined;
  #found: readonly Found[] = [];
  #chosen = 0;

  constructor(pin: (pin: Pin) => void) {
    this.#pin = pin;
    this.element = h(
      'dialog',
      { class: 'find', 'aria-label': 'Find a request' },
      h('label', {}, 'Find a request (or a block: b42)', this.#input),
      this.#list,
    );
    this.#input.addEventListener('input', () => this.#search());
    this.element.addEventListener('keydown', event => this.#key(event));
    this.element.addEventListener('click', event => {
      if (event.target === this.element) this.element.close();
    });
  }

  open(run: Run): void {
    this.#run = run;
    this.#input.value = '';
    this.#search();
    this.element.showModal();
    this.#input.focus();
  }

  #search(): void {
    const run = this.#run!;
    const text = this.#input.value.trim().toLowerCase().replace(/^#/, '');
    this.#chosen = 0;
    this.#found = text.startsWith('b') ? blocks(run, text) : requests(run, text);
    this.#show();
  }

  #show(): void {
    this.#list.replaceChildren(
      ...this.#found.map(({ text }, i) =>
        h(
          'li',
          {
            role: 'option',
            id: `found-${i}`,
            'aria-selected': String(i === this.#chosen),
            onclick: () => this.#take(i),
          },
          text,
        ),
      ),
      ...(this.#found.length === 0 ? [h('li', { class: 'none' }, 'no such request in this run')] : []),
    );
    this.#input.setAttribute('aria-activedescendant', `found-${this.#chosen}`);
  }

  #key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      this.#chosen = Math.min(Math.max(0, this.#chosen + step), Math.max(0, this.#found.length - 1));
      this.#show();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      this.#take(this.#chosen);
    }
  }

  #take(index: number): void {
    const found = this.#found[index];
    if (!found) return;
    this.element.close();
    this.#pin(found.pin);
  }
}

/** Exact first, then those whose ids begin so. */
function requests(run: Run, text: string): Found[] {
  const { requests: all } = run.recording;
  const { id: ids } = requestColumns(all);
  const wanted = Number(text);
  const exact: number[] = [];
  const alike: number[] = [];
  for (const [request, id] of ids.entries()) {
    if (id === wanted && String(id) === text) exact.push(request);
    else if (alike.length < LISTED && String(id).startsWith(text)) alike.push(request);
  }
  return [...exact, ...alike].slice(0, LISTED).map(request => {
    const { id, promptTokens, outputTokens, arrival, end } = all[request]!;
    const tokens = `${plural(promptTokens, 'prompt token')}, ${outputTokens} out`;
    return {
      pin: { kind: 'request', request },
      text: `#${id}: ${tokens}, arrived ${duration(arrival)}, ${end}`,
    };
  });
}

function blocks(run: Run, text: string): Found[] {
  const block = Number(text.replace(/^b\w*\s*?(?=\d|$)/, '') || Number.NaN);
  const { numBlocks } = run.recording.memory;
  if (!Number.isInteger(block) || block < 0 || block >= numBlocks) return [];
  return [{ pin: { kind: 'block', block }, text: `block ${block} of ${numBlocks}` }];
}
