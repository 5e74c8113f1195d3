import type { Decision } from '../../src/trace/recording.ts';
import { duration, whole } from '../views/words.ts';
import { h } from './dom.ts';
import type { Run } from './run.ts';

/** Rows that are built; the list scrolls. */
const ROWS = 30;

/** What was decided before the step at the cursor, and why; older ones below, paler. */
export class DecisionList {
  readonly element = h('ol', { class: 'decisions', 'aria-label': 'Decisions up to this step' });
  readonly #none = h('li', { class: 'none' }, 'nothing was decided yet');
  readonly #more = h('li', { class: 'none' });
  readonly #pin: (decision: number) => void;
  #run: Run | undefined;
  /** By index of the decision. */
  #rows = new Map<number, HTMLLIElement>();
  #shown = '';

  constructor(pin: (decision: number) => void) {
    this.#pin = pin;
  }

  show(run: Run, step: number, pinned: number | undefined): void {
    const shown = `${step} ${pinned}`;
    if (shown === this.#shown && run === this.#run) return;
    this.#shown = shown;
    if (run !== this.#run) this.#rows.clear();
    this.#run = run;
    // From step to step most rows stay: what is not touched is not laid out again.
    const rows = new Map<number, HTMLLIElement>();
    const decided = run.decisionsUpTo(step, ROWS);
    for (const { index, decision, now } of decided.rows) {
      const row = this.#rows.get(index) ?? this.#row(run, index, decision);
      row.className = now ? `${decision.type} now` : decision.type;
      row.firstElementChild!.setAttribute('aria-pressed', String(index === pinned));
      rows.set(index, row);
    }
    this.#rows = rows;
    this.#more.textContent = `and ${whole(decided.more)} more at this step`;
    const list = decided.more > 0 ? [...rows.values(), this.#more] : [...rows.values()];
    this.#arrange(rows.size > 0 ? list : [this.#none]);
  }

  #row(run: Run, index: number, decision: Decision): HTMLLIElement {
    const request = run.recording.requests[decision.request];
    const button = h(
      'button',
      { type: 'button', title: sentence(decision, request?.id), onclick: () => this.#pin(index) },
      h('span', { class: 'what' }, decision.type),
      h('span', { class: 'who' }, `#${request?.id ?? '?'}`),
      h('span', { class: 'why' }, decision.reason),
    );
    return h('li', {}, button);
  }

  #arrange(wanted: readonly Element[]): void {
    const { element } = this;
    const keep = new Set(wanted);
    for (const row of [...element.children]) if (!keep.has(row)) row.remove();
    for (const [i, row] of wanted.entries()) {
      if (element.children[i] !== row) element.insertBefore(row, element.children[i] ?? null);
    }
  }
}

function sentence({ type, reason, time }: Decision, id: number | undefined): string {
  return `${duration(time)}: request ${id ?? '?'} ${type}${reason ? `: ${reason}` : ''}`;
}
