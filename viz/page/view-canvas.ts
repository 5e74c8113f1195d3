import type { Seconds } from '../../src/core/units.ts';
import type { Recording } from '../../src/trace/recording.ts';
import type { Hit, Pane, Size, Theme, View } from '../picture.ts';
import { h } from './dom.ts';
import { Painter } from './paint.ts';
import type { Span } from './state.ts';

/** What a user does to a view. Times are of the run's clock. */
export interface ViewActions {
  hover(hit: Hit | undefined, x: number, y: number): void;
  click(hit: Hit): void;
  seek(time: Seconds): void;
  brush(span: Span): void;
  resetWindow(): void;
  enlarge(view: View['name']): void;
}

/** A view on the screen: its heading, its canvas, and the pointer over it. */
export class ViewCanvas {
  readonly view: View;
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly #painter: Painter;
  readonly #brush = h('div', { class: 'brush', hidden: true });
  readonly #actions: ViewActions;
  /** Of the canvas, and of the picture on it: that is magnified. */
  #room: Size = { width: 0, height: 0 };
  #size: Size = { width: 0, height: 0 };
  #scale = 1;
  #pane: Pane | undefined;
  #laid: { readonly recording: Recording; readonly key: string } | undefined;
  #label = '';
  #visible = true;

  constructor(view: View, key: number, actions: ViewActions, resized: () => void) {
    this.view = view;
    this.#label = view.title;
    this.#actions = actions;
    this.canvas = h('canvas', { role: 'img', tabindex: '0', 'aria-label': view.title });
    this.#painter = new Painter(this.canvas);
    const enlarge = h(
      'button',
      {
        class: 'quiet enlarge',
        type: 'button',
        title: `Enlarge or shrink (${key} twice)`,
        'aria-label': `Enlarge or shrink: ${view.title}`,
        onclick: () => actions.enlarge(view.name),
      },
      '⤢',
    );
    const frame = h('div', { class: 'frame' }, this.canvas, this.#brush);
    this.element = h(
      'figure',
      { class: 'view', 'data-view': view.name },
      h('figcaption', {}, h('kbd', {}, String(key)), ` ${view.title}`, enlarge),
      frame,
    );
    new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      if (width === this.#room.width && height === this.#room.height) return;
      this.#room = { width: Math.floor(width), height: Math.floor(height) };
      resized();
    }).observe(frame);
    // What is scrolled out of sight is drawn when it comes back.
    new IntersectionObserver(([entry]) => {
      this.#visible = entry!.isIntersecting;
      if (this.#visible) resized();
    }).observe(frame);
    this.#listen();
  }

  /** @param scale how much larger than written, for those who sit far away. */
  draw(pane: Pane, theme: Theme, brush: Span | undefined, scale: number): void {
    this.#pane = pane;
    this.#scale = scale;
    const { width, height } = this.#room;
    this.#size = { width: Math.floor(width / scale), height: Math.floor(height / scale) };
    if (!this.#visible || this.#size.width < 40 || this.#size.height < 30) return;
    this.#laid = { recording: pane.recording, key: this.#keyOf(pane, theme, scale) };
    const picture = this.view.draw(pane, this.#size, theme);
    this.#painter.paint(picture, theme.background, scale);
    this.#label = picture.label;
    this.#drawBrush(brush);
  }

  /**
   * Whether what it would draw stands on what it drew last: the same run, window, colours and room. What is out of
   * sight is not drawn, and counts as if it did.
   */
  standsOn(pane: Pane, theme: Theme, scale: number): boolean {
    if (!this.#visible) return true;
    return this.#laid?.recording === pane.recording && this.#laid.key === this.#keyOf(pane, theme, scale);
  }

  #keyOf({ window }: Pane, theme: Theme, scale: number): string {
    return `${window.join()} ${theme.name} ${scale} ${this.#room.width} ${this.#room.height}`;
  }

  /** For those who hear the picture. */
  write(): void {
    if (this.canvas.getAttribute('aria-label') === this.#label) return;
    this.canvas.setAttribute('aria-label', this.#label);
  }

  /** Nothing is known of the pane any more. */
  clear(): void {
    this.#pane = undefined;
    this.#brush.hidden = true;
  }

  /** What lies at a point of the picture. */
  at(x: number, y: number): Hit | undefined {
    return this.#pane && this.view.at(this.#pane, this.#size, x, y);
  }

  #drawBrush(brush: Span | undefined): void {
    const axis = brush && this.#axis();
    this.#brush.hidden = !axis;
    if (!brush || !axis) return;
    const [left, right] = brush.map(time => Math.min(Math.max(axis.at(time), axis.left), axis.right));
    this.#brush.hidden = right! <= left!;
    this.#brush.style.left = `${left! * this.#scale}px`;
    this.#brush.style.width = `${(right! - left!) * this.#scale}px`;
  }

  /** The time axis: two points of a line say where it all lies. A view that has none has no brush. */
  #axis():
    | { at(time: Seconds): number; timeAt(x: number): Seconds; left: number; right: number }
    | undefined {
    const { width, height } = this.#size;
    const [x0, x1] = [width * 0.35, width * 0.75];
    const [t0, t1] = [this.#timeNear(x0, height), this.#timeNear(x1, height)];
    if (t0 === undefined || t1 === undefined || t1 <= t0) return undefined;
    const slope = (x1 - x0) / (t1 - t0);
    const at = (time: Seconds) => x0 + (time - t0) * slope;
    const [from, to] = this.#pane!.window;
    return { at, timeAt: x => t0 + (x - x0) / slope, left: at(from), right: at(to) };
  }

  #timeNear(x: number, height: number): Seconds | undefined {
    for (const share of [0.5, 0.35, 0.65, 0.8]) {
      const time = this.at(x, height * share)?.time;
      if (time !== undefined) return time;
    }
    return undefined;
  }

  #listen(): void {
    const { canvas } = this;
    let from: { x: number; moved: boolean; brush: boolean } | undefined;
    const place = (event: PointerEvent | MouseEvent) => {
      const box = canvas.getBoundingClientRect();
      return { x: (event.clientX - box.left) / this.#scale, y: (event.clientY - box.top) / this.#scale };
    };
    const timeAt = (x: number) => {
      const [first, last] = this.#pane?.window ?? [0, 0];
      const time = this.#axis()?.timeAt(x);
      return time === undefined ? undefined : Math.min(Math.max(time, first), last);
    };
    canvas.addEventListener('pointerdown', event => {
      if (event.button !== 0) return;
      from = { x: place(event).x, moved: false, brush: event.shiftKey };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener('pointermove', event => {
      const { x, y } = place(event);
      if (!from) {
        this.#actions.hover(this.at(x, y), event.clientX, event.clientY);
        return;
      }
      if (Math.abs(x - from.x) > 3) from.moved = true;
      if (!from.moved) return;
      this.#actions.hover(undefined, 0, 0);
      const time = timeAt(x);
      if (time === undefined) return;
      if (!from.brush) this.#actions.seek(time);
      else {
        const begin = timeAt(from.x)!;
        if (begin !== time) this.#actions.brush(begin < time ? [begin, time] : [time, begin]);
      }
    });
    canvas.addEventListener('pointerup', event => {
      const { x, y } = place(event);
      const click = from && !from.moved;
      from = undefined;
      const hit = click ? this.at(x, y) : undefined;
      if (hit) this.#actions.click(hit);
    });
    canvas.addEventListener('pointercancel', () => {
      from = undefined;
    });
    canvas.addEventListener('pointerleave', () => this.#actions.hover(undefined, 0, 0));
    canvas.addEventListener('dblclick', () => {
      if (this.#axis()) this.#actions.resetWindow();
    });
  }
}
