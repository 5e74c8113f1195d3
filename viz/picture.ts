import type { Seconds } from '../src/core/units.ts';
import type { BlockState, Recording } from '../src/trace/recording.ts';

/** What a view draws: painted on a canvas in the page, written as SVG in Node, by the same code. Pixels. */
export type Mark =
  | {
      readonly kind: 'rect';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly fill: string;
      /** Drawn over the fill as diagonal lines. */
      readonly hatch?: string;
      readonly stroke?: string;
    }
  | {
      readonly kind: 'line' | 'area';
      /** x0, y0, x1, y1, … */
      readonly points: readonly number[];
      readonly color: string;
      readonly width?: number;
      readonly dash?: boolean;
    }
  | {
      readonly kind: 'text';
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly fill: string;
      readonly size?: number;
      readonly anchor?: 'start' | 'middle' | 'end';
      readonly weight?: 'normal' | 'bold';
    };

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Said by screen readers, and the title of the SVG. */
  readonly label: string;
  readonly marks: readonly Mark[];
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** What a view may look at: one run, and where in it we are. */
export interface Pane {
  readonly recording: Recording;
  /** The step at the cursor, and every block at it. */
  readonly step: number;
  readonly blocks: BlockState;
  readonly time: Seconds;
  /** What is shown of the time axis; views that have one share it. */
  readonly window: readonly [from: Seconds, to: Seconds];
  /** What the user has pinned. */
  readonly pin: Pin | undefined;
}

export type Pin =
  | { readonly kind: 'block'; readonly block: number }
  | { readonly kind: 'request'; readonly request: number }
  | { readonly kind: 'decision'; readonly decision: number };

/**
 * A view is a function from a pane to a picture, and back from a point of it to what lies there. It keeps
 * nothing: what is costly to lay out is remembered by recording and size (`WeakMap`).
 */
export interface View {
  readonly name: 'memory-map' | 'timeline' | 'memory-over-time' | 'queue' | 'step-time' | 'sharing';
  readonly title: string;
  draw(pane: Pane, size: Size, theme: Theme): Picture;
  /** What lies at a point: what hovering explains and clicking pins; a time to go to, where there is a time axis. */
  at(pane: Pane, size: Size, x: number, y: number): Hit | undefined;
}

export interface Hit {
  readonly pin?: Pin;
  readonly time?: Seconds;
  /** Lines of the explanation, the first in bold. */
  readonly text: readonly string[];
}

/** Colours of a theme; `owner` gives each request one of a palette that the colour-blind can tell apart. */
export interface Theme {
  readonly name: 'light' | 'dark';
  readonly background: string;
  readonly surface: string;
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly cursor: string;
  readonly kinds: Readonly<
    Record<'token' | 'reserved' | 'internal' | 'external' | 'cached' | 'free', string>
  >;
  readonly work: Readonly<Record<'queued' | 'prefill' | 'decode' | 'held' | 'preempted', string>>;
  readonly bound: Readonly<Record<'compute' | 'bandwidth' | 'overhead', string>>;
  owner(request: number): string;
}
