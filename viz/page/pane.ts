import type { Pane as Seen, Theme, View } from '../picture.ts';
import { views } from '../views/index.ts';
import { firstEndingAfter, firstWhere } from '../views/steps.ts';
import { digits, duration, percent, plural } from '../views/words.ts';
import { DecisionList } from './decision-list.ts';
import { h, setText } from './dom.ts';
import type { Latencies } from './latencies.ts';
import type { Percentiles } from './percentiles.ts';
import type { Run } from './run.ts';
import type { PageState, Side, Span } from './state.ts';
import type { Stop } from './tours/stop.ts';
import { type ViewActions, ViewCanvas } from './view-canvas.ts';

export interface PaneActions extends ViewActions {
  choose(name: string): void;
  pinDecision(decision: number): void;
  activate(): void;
}

/** Writing in views is of 11 pixels; a lecture hall wants 16. */
const MAGNIFIED = 1.46;

/** Steps of a window that one view at a time is laid out anew for, so that the page goes on in between. */
const LONG = 50_000;

/** One policy's half of the page: its figures, its views, its decisions. */
export class PaneView {
  readonly side: Side;
  readonly element: HTMLElement;
  readonly views: readonly ViewCanvas[];
  run: Run | undefined;
  /** Counts the runs shown, so that what was built for an older one is known as old. */
  #version = 0;
  #window = '';
  readonly #policy: HTMLSelectElement;
  readonly #figures = h('dl', { class: 'figures' });
  readonly #now = h('p', { class: 'now-line' });
  readonly #latencies = h('p', { class: 'latencies' });
  readonly #progress = h('progress', { max: '1', value: '0', 'aria-label': 'Simulating', hidden: true });
  readonly #problem = h('p', { class: 'problem', role: 'alert', hidden: true });
  readonly #decisions: DecisionList;
  readonly #grid: HTMLElement;

  constructor(side: Side, actions: PaneActions, resized: () => void) {
    this.side = side;
    this.views = views.map((view, i) => new ViewCanvas(view, i + 1, actions, resized));
    this.#decisions = new DecisionList(actions.pinDecision);
    this.#policy = h('select', { 'aria-label': `Policy of pane ${side.toUpperCase()}` });
    this.#policy.addEventListener('change', () => actions.choose(this.#policy.value));
    this.#grid = h(
      'div',
      { class: 'views' },
      ...this.views.map(view => view.element),
      h(
        'section',
        { class: 'why-panel', 'aria-label': 'Decisions' },
        h('h3', {}, 'Decisions, latest first'),
        this.#decisions.element,
      ),
    );
    this.element = h(
      'section',
      { class: 'pane', 'data-side': side, 'aria-label': `Pane ${side.toUpperCase()}` },
      h(
        'header',
        {},
        h('label', { class: 'policy' }, h('b', {}, side.toUpperCase()), this.#policy),
        this.#figures,
        this.#progress,
      ),
      this.#problem,
      this.#now,
      this.#latencies,
      this.#grid,
    );
    this.element.addEventListener('pointerdown', actions.activate, { capture: true });
    this.element.addEventListener('focusin', actions.activate);
  }

  offer(names: readonly string[], chosen: string | undefined, mayBeNone: boolean): void {
    const offered = mayBeNone ? [...names, 'none'] : names;
    const same = [...this.#policy.options].map(option => option.value).join() === offered.join();
    if (!same) {
      this.#policy.replaceChildren(
        ...offered.map(name => h('option', { value: name }, name === 'none' ? '– one pane –' : name)),
      );
    }
    this.#policy.value = chosen ?? 'none';
  }

  /** A simulation runs; what is shown is the last one's. */
  busy(done: number): void {
    this.element.setAttribute('aria-busy', 'true');
    this.#progress.hidden = false;
    this.#progress.value = done;
  }

  show(run: Run): void {
    this.run = run;
    this.#version++;
    this.#settled();
    this.#problem.hidden = true;
    const { meanBatch, tokens, waste, preemptions } = run.summary;
    const span =
      run.since !== undefined ? 'since the recording began' : 'from the first arrival to the last finish';
    const figures: [string, string, string][] = [
      [digits(run.throughput), 'req/s', `requests finished a second, ${span}`],
      [digits(meanBatch), 'batch', 'requests that ran in a step, on average'],
      [percent(tokens), 'tokens', 'share of the KV memory that held tokens, over time'],
      [percent(waste), 'waste', 'share of the claimed KV memory that held no token'],
    ];
    if (preemptions > 0) figures.push([String(preemptions), 'preempted', 'preemptions']);
    this.#figures.replaceChildren(
      ...figures.map(([value, name, title]) => h('div', { title }, h('dd', {}, value), h('dt', {}, name))),
    );
  }

  /** The settings cannot be run: what is wrong takes the place of the views. */
  fail(message: string): void {
    this.run = undefined;
    this.#settled();
    this.#figures.replaceChildren();
    this.#problem.textContent = message;
    this.#problem.hidden = false;
    setText(this.#now, '');
    setText(this.#latencies, '');
    for (const view of this.views) view.clear();
  }

  /**
   * @param stop of a tour, which shows one or two views and magnifies them.
   * @returns whether all that is shown was drawn; the rest comes in the next frames.
   */
  draw(seen: Seen, state: PageState, theme: Theme, stop: Stop | undefined): boolean {
    // A name of no view, in an address, enlarges nothing.
    const isLarge = this.views.some(({ view }) => view.name === state.large);
    this.#grid.dataset['large'] = isLarge ? state.large! : '';
    const scale = stop ? MAGNIFIED : 1;
    const isLong = stepsIn(seen) > LONG;
    let [laid, left] = [0, 0];
    for (const view of this.views) {
      const { name } = view.view;
      const { classList } = view.element;
      classList.toggle('large', state.large === name);
      classList.toggle('main', stop?.view === name && !isLarge);
      classList.toggle('beside', stop?.beside === name && !isLarge);
      const isShown = isLarge ? state.large === name : !stop || stop.view === name || stop.beside === name;
      if (!isShown) continue;
      const isNew = isLong && !view.standsOn(seen, theme, scale);
      if (isNew && laid++ > 0) left++;
      else view.draw(seen, theme, state.brush, scale);
    }
    return left === 0;
  }

  /** After all is drawn: a canvas that looks up its font makes the browser lay out what was written before. */
  write(seen: Seen, state: PageState): void {
    const run = this.run!;
    const over = seen.time > run.end;
    setText(this.#now, over ? ended(run) : stepWords(run, seen.step));
    this.element.classList.toggle('over', over);
    this.#showLatencies(run, state.brush);
    const pinned = seen.pin?.kind === 'decision' ? seen.pin.decision : undefined;
    this.#decisions.show(run, seen.step, pinned);
    for (const view of this.views) view.write();
  }

  /** Moves the focus to a view. @returns whether it had it already. */
  focus(name: View['name']): boolean {
    const view = this.views.find(one => one.view.name === name);
    if (!view) return false;
    const had = document.activeElement === view.canvas;
    view.canvas.focus();
    view.element.scrollIntoView({ block: 'nearest' });
    return had;
  }

  #settled(): void {
    this.element.removeAttribute('aria-busy');
    this.#progress.hidden = true;
  }

  #showLatencies(run: Run, brush: Span | undefined): void {
    const key = `${this.#version} ${brush?.join()}`;
    if (key === this.#window) return;
    this.#window = key;
    const span = brush ?? ([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const);
    const found = run.latencies(span);
    this.#latencies.replaceChildren(
      whereOf(run, brush),
      ` ${found.finished} finished${brush ? '' : others(run)}`,
      ...latencyWords(found).map(([name, text]) =>
        h('span', { title: `${name}: 50th / 90th / 99th percentile` }, `${name} ${text}`),
      ),
    );
    this.#latencies.classList.toggle('brushed', brush !== undefined);
  }
}

function stepsIn({ recording: { steps }, window: [from, to] }: Seen): number {
  const first = firstEndingAfter(steps, from);
  return firstWhere(first, steps.count, step => steps.time[step]! >= to) - first;
}

function ended({ end, recording: { steps } }: Run): string {
  return steps.count === 0 ? 'nothing ran' : `over after ${duration(end)} and ${plural(steps.count, 'step')}`;
}

function stepWords({ recording: { steps }, since }: Run, step: number): string {
  if (steps.count === 0) return 'nothing ran';
  const held = steps.held[step]!;
  return (
    `step ${step} of ${steps.count - 1}${since === undefined ? '' : ' recorded'} · ${plural(steps.running[step]!, 'request')} running, ` +
    `${steps.waiting[step]} waiting${held > 0 ? `, ${plural(held, 'ended row')} held` : ''}` +
    ` · ${steps.prefillTokens[step]} prefill + ${steps.decodeTokens[step]} decode tokens`
  );
}

/** What the latencies are of. */
function whereOf({ since }: Run, brush: Span | undefined): HTMLElement {
  if (brush) return h('b', {}, `${digits(brush[0])}–${digits(brush[1])} s`);
  if (since === undefined) return h('b', {}, 'whole run');
  const title = 'since the recording began: once there are so many, the last 256 to 512 steps';
  return h('b', { title }, `since ${digits(since)} s`);
}

/** What became of those that did not finish. */
function others({ summary: { ends } }: Run): string {
  return (['rejected', 'aborted', 'running'] as const)
    .map(end => [end, ends[end]] as const)
    .filter(([, count]) => count > 0)
    .map(([end, count]) => `, ${count} ${end}`)
    .join('');
}

function latencyWords({ ttft, tpot, e2e }: Latencies): [string, string][] {
  return [
    ['TTFT', three(ttft)],
    ['TPOT', three(tpot)],
    ['E2E', three(e2e)],
  ];
}

/** Three figures in one unit. */
function three({ p50, p90, p99 }: Percentiles): string {
  if (Number.isNaN(p50)) return '–';
  const [scale, unit] = p99 < 1 ? [1e3, 'ms'] : [1, 's'];
  return `${[p50, p90, p99].map(value => digits(value * scale)).join('/')} ${unit}`;
}
