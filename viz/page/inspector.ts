import { decisionsAbout } from '../../src/trace/decision-index.ts';
import { CACHED, FREE, type RecordedRequest } from '../../src/trace/recording.ts';
import type { Pin, Theme } from '../picture.ts';
import { duration, plural } from '../views/words.ts';
import { h } from './dom.ts';
import { type Run, tpotOf, ttftOf } from './run.ts';
import type { PagePin, Side } from './state.ts';

/** What the inspector looks at: one pane, with the pin as that pane numbers it. */
export interface Inspected {
  readonly side: Side;
  readonly run: Run;
  readonly step: number;
  readonly pin: Pin;
}

export interface InspectorActions {
  pin(pin: PagePin): void;
  seek(time: number): void;
  close(): void;
}

const HINT = 'Click a block, a request or a decision to pin it here; or press / to find one.';

type Row = readonly [name: string, value: string | Node];

/** What is pinned, in all its details; it follows the cursor. */
export class Inspector {
  readonly element: HTMLElement;
  readonly #body = h('div', { class: 'body' });
  readonly #title = h('h2', {});
  readonly #actions: InspectorActions;
  #shown = '';

  constructor(actions: InspectorActions) {
    this.#actions = actions;
    this.element = h(
      'aside',
      { class: 'inspector empty', 'aria-label': 'Inspector' },
      h(
        'header',
        {},
        this.#title,
        h(
          'button',
          {
            type: 'button',
            class: 'quiet',
            'aria-label': 'Unpin (Esc)',
            title: 'Unpin (Esc)',
            onclick: actions.close,
          },
          '×',
        ),
      ),
      this.#body,
    );
  }

  show(inspected: readonly Inspected[], theme: Theme, key: string): void {
    this.element.classList.toggle('empty', inspected.length === 0);
    const shown = `${key} ${theme.name} ${inspected.map(({ side, step, pin }) => `${side}${step}${JSON.stringify(pin)}`).join()}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (inspected.length === 0) {
      this.#title.textContent = 'Inspector';
      this.#body.replaceChildren(h('p', { class: 'muted' }, HINT));
      return;
    }
    const { pin, run } = inspected[0]!;
    this.#title.textContent = titleOf(pin, run);
    this.#body.replaceChildren(...inspected.map(one => this.#section(one, theme, inspected.length > 1)));
  }

  #section(inspected: Inspected, theme: Theme, named: boolean): HTMLElement {
    const { side, run, pin } = inspected;
    const parts =
      pin.kind === 'block'
        ? this.#block(inspected, pin.block, theme)
        : pin.kind === 'request'
          ? this.#request(inspected, pin.request, theme)
          : this.#decision(inspected, pin.decision, theme);
    return h(
      'section',
      { 'data-side': side },
      h('h3', {}, `${side.toUpperCase()} · ${run.recording.policy}`),
      ...parts,
      named && h('hr'),
    );
  }

  #block(inspected: Inspected, block: number, theme: Theme): Node[] {
    const { run, step, side } = inspected;
    const { recording, replay } = run;
    const state = replay.stateAt(step);
    const owner = state.owner[block]!;
    const { time } = recording.steps;
    const since = state.since[block]!;
    const holders = owner >= 0 ? replay.holdingsAt(block, step) : [];
    const rows: Row[] = [
      [
        'state',
        owner === FREE ? 'free' : owner === CACHED ? 'cached: a prefix that can be found again' : 'held',
      ],
    ];
    if (owner >= 0) rows.push(['owner', this.#link(run, side, owner, theme)]);
    if (owner !== FREE) rows.push(['tokens', `${state.filled[block]} of ${recording.memory.blockSize}`]);
    rows.push(['reference count', String(state.refs[block])]);
    const age = (time[step] ?? 0) - (time[since] ?? 0);
    rows.push(['as it is since', `step ${since}, ${plural(step - since, 'step')} (${duration(age)}) ago`]);
    if (holders.length > 0) {
      const list = h('span', { class: 'links' });
      for (const { request, sequence, index } of holders.slice(0, 24)) {
        list.append(this.#link(run, side, request, theme, ` sample ${sequence}, logical ${index}`), ' ');
      }
      if (holders.length > 24) list.append(`and ${holders.length - 24} more`);
      rows.push([holders.length > 1 ? 'shared by' : 'held by', list]);
    }
    return [details(rows)];
  }

  #request(inspected: Inspected, index: number, theme: Theme): Node[] {
    const { run, step, side } = inspected;
    const { recording, replay } = run;
    const request = recording.requests[index];
    if (!request) return [h('p', {}, 'not in this run')];
    const phases = replay
      .phases(index)
      .map(({ phase, from, to }) =>
        h(
          'li',
          {},
          h('i', { style: `background:${theme.work[phase]}` }),
          `${phase} `,
          this.#time(from, ` for ${duration(to - from)}`),
        ),
      );
    const tables = Array.from({ length: request.width }, (_, sequence) => ({
      sequence,
      table: replay.tableAt(index, sequence, step),
    })).filter(({ table }) => table.length > 0);
    const decisions = [...decisionsAbout(recording, index)];
    // A head of the queue is told at each step why it stays; the first and the last say it all.
    const few = decisions.length > 12 ? [...decisions.slice(0, 6), ...decisions.slice(-6)] : decisions;
    return [
      details(timesOf(request)),
      h('h4', {}, 'Phases'),
      h('ul', { class: 'phases' }, ...phases.slice(0, 40)),
      h('h4', {}, `Block table at step ${step}: logical → physical`),
      tables.length === 0
        ? h('p', { class: 'muted' }, 'it holds no block now')
        : h(
            'div',
            { class: 'tables' },
            ...tables.map(({ sequence, table }) =>
              h(
                'div',
                {},
                tables.length > 1 ? h('b', {}, `sample ${sequence}`) : '',
                h('ul', { class: 'table' }, ...this.#tableRows(side, table)),
              ),
            ),
          ),
      h('h4', {}, `Decisions about it (${decisions.length})`),
      h(
        'ul',
        { class: 'about' },
        ...few.map(i => {
          const decision = recording.decisions[i]!;
          return h(
            'li',
            {},
            h(
              'button',
              {
                type: 'button',
                class: 'link',
                onclick: () => this.#actions.pin({ side, pin: { kind: 'decision', decision: i } }),
              },
              `${duration(decision.time)} ${decision.type}`,
            ),
            decision.reason ? ` ${decision.reason}` : '',
          );
        }),
      ),
    ];
  }

  #decision(inspected: Inspected, index: number, theme: Theme): Node[] {
    const { run, side } = inspected;
    const decision = run.recording.decisions[index];
    if (!decision) return [h('p', {}, 'not in this run')];
    return [
      h('p', { class: 'reason' }, decision.reason || 'no reason was needed'),
      details([
        ['what', decision.type],
        ['request', this.#link(run, side, decision.request, theme)],
        ['before step', String(decision.step)],
        ['at', this.#time(decision.time)],
      ]),
    ];
  }

  /** Runs of neighbours are one row: a contiguous table is a line, a paged one is not. */
  #tableRows(side: Side, table: Int32Array | readonly number[]): Node[] {
    const rows: Node[] = [];
    for (let i = 0; i < table.length && rows.length < 200; ) {
      let end = i + 1;
      while (end < table.length && table[end] === table[end - 1]! + 1 && table[i]! >= 0) end++;
      const first = table[i]!;
      const logical = end - i > 1 ? `${i}–${end - 1}` : `${i}`;
      const physical = end - i > 1 ? `${first}–${first + end - i - 1}` : `${first}`;
      rows.push(
        h(
          'li',
          {},
          `${logical} → `,
          first < 0
            ? 'none'
            : h(
                'button',
                {
                  type: 'button',
                  class: 'link',
                  title: 'pin this block',
                  onclick: () => this.#actions.pin({ side, pin: { kind: 'block', block: first } }),
                },
                physical,
              ),
        ),
      );
      i = end;
    }
    return rows;
  }

  #link(run: Run, side: Side, request: number, theme: Theme, more = ''): HTMLElement {
    const { id } = run.recording.requests[request] ?? { id: '?' };
    return h(
      'button',
      {
        type: 'button',
        class: 'link request',
        style: `--owner:${theme.owner(request)}`,
        onclick: () => this.#actions.pin({ side, pin: { kind: 'request', request } }),
      },
      `#${id}${more}`,
    );
  }

  #time(time: number, more = ''): HTMLElement {
    return h(
      'button',
      { type: 'button', class: 'link', title: 'go there', onclick: () => this.#actions.seek(time) },
      `${duration(time)}${more}`,
    );
  }
}

function titleOf(pin: Pin, { recording }: Run): string {
  switch (pin.kind) {
    case 'block':
      return `Block ${pin.block}`;
    case 'request':
      return `Request ${recording.requests[pin.request]?.id ?? '?'}`;
    case 'decision':
      return `Decision: ${recording.decisions[pin.decision]?.type ?? '?'}`;
    default:
      return pin satisfies never;
  }
}

function timesOf(request: RecordedRequest): Row[] {
  const { arrival, promptTokens, outputTokens, maxTokens, cachedTokens, preemptions, width } = request;
  const rows: Row[] = [
    ['arrived', duration(arrival)],
    [
      'prompt',
      plural(promptTokens, 'token') + (cachedTokens > 0 ? `, ${cachedTokens} found in the cache` : ''),
    ],
    ['answer', `${plural(outputTokens, 'token')} (at most ${maxTokens})`],
  ];
  if (width > 1) rows.push(['samples', String(width)]);
  if (!Number.isNaN(request.admitted)) rows.push(['waited', duration(request.admitted - arrival)]);
  if (!Number.isNaN(request.firstToken)) rows.push(['TTFT', duration(ttftOf(request))]);
  if (request.end === 'finished') {
    if (outputTokens > 1) rows.push(['TPOT', duration(tpotOf(request))]);
    rows.push(['E2E', duration(request.finished - arrival)]);
  } else rows.push(['end', request.end]);
  if (preemptions > 0) rows.push(['preempted', plural(preemptions, 'time')]);
  return rows;
}

function details(rows: readonly Row[]): HTMLElement {
  return h('dl', {}, ...rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}
