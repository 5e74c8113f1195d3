import type { Mark, Theme } from '../picture.ts';
import { line, roomOf, text } from '../views/marks.ts';
import { extremesIn } from '../views/peaks.ts';
import { firstWhere, lasts } from '../views/steps.ts';
import { h } from './dom.ts';
import { Painter } from './paint.ts';
import type { Run } from './run.ts';
import type { Side, Span } from './state.ts';

export interface OverviewActions {
  seek(time: number): void;
  brush(span: Span): void;
  resetWindow(): void;
}

/** Rows above the lines, for their names. */
const LEGEND = 14;

/** What the overview shows. */
export interface OverviewState {
  readonly runs: readonly (readonly [Side, Run])[];
  readonly extent: Span;
  readonly time: number;
  readonly brush: Span | undefined;
  readonly zoom: Span | undefined;
  readonly theme: Theme;
}

/**
 * The whole time axis, whatever the views show of it: the share of memory that holds tokens of each run,
 * where we are, the window. Dragging seeks; with Shift it chooses the window.
 */
export class Overview {
  readonly element: HTMLElement;
  readonly #canvas = h('canvas', {
    role: 'slider',
    tabindex: '0',
    'aria-label': 'Time',
    title: 'Drag: go to a time. Shift+drag: choose a window',
  });
  readonly #painter = new Painter(this.#canvas);
  readonly #lines = new WeakMap<Run, { key: string; mark: Mark }>();
  #size = { width: 0, height: 0 };
  #extent: Span = [0, 1];

  constructor(actions: OverviewActions, resized: () => void) {
    this.element = h('div', { class: 'overview' }, this.#canvas);
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      this.#size = { width: Math.floor(width), height: Math.floor(height) };
      resized();
    }).observe(this.element);
    let from: number | undefined;
    const timeAt = (event: PointerEvent) => {
      const box = this.#canvas.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      return this.#extent[0] + share * (this.#extent[1] - this.#extent[0]);
    };
    const move = (event: PointerEvent) => {
      if (from === undefined) return;
      const time = timeAt(event);
      if (!event.shiftKey) actions.seek(time);
      else if (time !== from) actions.brush(time > from ? [from, time] : [time, from]);
    };
    this.#canvas.addEventListener('pointerdown', event => {
      this.#canvas.setPointerCapture(event.pointerId);
      from = timeAt(event);
      move(event);
    });
    this.#canvas.addEventListener('pointermove', move);
    this.#canvas.addEventListener('pointerup', () => {
      from = undefined;
    });
    this.#canvas.addEventListener('dblclick', () => actions.resetWindow());
  }

  draw({ runs, extent, time, brush, zoom, theme }: OverviewState): void {
    this.#extent = extent;
    const { width, height } = this.#size;
    if (width < 20) return;
    const at = (seconds: number) => ((seconds - extent[0]) / (extent[1] - extent[0])) * width;
    const marks: Mark[] = runs.map(([side, run]) => this.#line(side, run, extent, theme));
    const names = runs.map(([side, run]) => `${side.toUpperCase()} ${run.recording.policy}`);
    if (runs.length > 0) marks.push(text(6, 11, 'memory that holds tokens:', theme.muted));
    let left = 6 + 160;
    for (const [i, name] of names.entries()) {
      marks.push(text(left, 11, name, colorOf(runs[i]![0], theme), 'start', 'bold'));
      left += roomOf(name, 'bold') + 8;
    }
    if (zoom) {
      marks.push(band(0, at(zoom[0]), height, 'rgba(128,128,128,0.28)'));
      marks.push(band(at(zoom[1]), width, height, 'rgba(128,128,128,0.28)'));
    }
    if (brush) marks.push(band(at(brush[0]), at(brush[1]), height, 'rgba(63,143,210,0.25)'));
    const x = Math.round(at(Math.min(Math.max(time, extent[0]), extent[1])));
    marks.push(line([x, LEGEND, x, height], theme.cursor, 2));
    this.#painter.paint({ width, height, label: 'Time', marks }, theme.surface);
  }

  write(time: number): void {
    const [from, to] = this.#extent;
    this.#canvas.setAttribute('aria-valuemin', from.toFixed(3));
    this.#canvas.setAttribute('aria-valuemax', to.toFixed(3));
    this.#canvas.setAttribute('aria-valuenow', time.toFixed(3));
    this.#canvas.setAttribute('aria-valuetext', `${time.toFixed(3)} seconds`);
  }

  /** Most of each pixel's steps: peaks are what one looks for. */
  #line(side: Side, run: Run, extent: Span, theme: Theme): Mark {
    const { width, height } = this.#size;
    const key = `${width} ${height} ${extent.join()} ${theme.name} ${side}`;
    const known = this.#lines.get(run);
    if (known?.key === key) return known.mark;
    const { recording } = run;
    const { steps, memory } = recording;
    const scale = width / (extent[1] - extent[0]);
    const pixelOf = (time: number) => Math.floor((time - extent[0]) * scale);
    const points: number[] = [];
    let from = 0;
    for (let x = 0; x < width; x++) {
      from = firstWhere(from, steps.count, step => pixelOf(steps.end[step]!) >= x);
      const to = firstWhere(from, steps.count, step => pixelOf(steps.time[step]!) > x);
      let highest = from < to ? extremesIn(recording, 'token', from, to).highest : undefined;
      if (highest === undefined && from > 0 && pixelOf(lasts(recording, from - 1)) >= x) highest = from - 1;
      const top = highest === undefined ? 0 : steps.usage.token[highest]!;
      points.push(x, height - 1 - (top / memory.capacity) * (height - LEGEND - 2));
    }
    const mark = line(points, colorOf(side, theme), 1.5);
    this.#lines.set(run, { key, mark });
    return mark;
  }
}

const colorOf = (side: Side, theme: Theme) => (side === 'a' ? theme.work.preempted : theme.work.decode);

const band = (x0: number, x1: number, height: number, fill: string): Mark => ({
  kind: 'rect',
  x: x0,
  y: 0,
  width: Math.max(0, x1 - x0),
  height,
  fill,
});
