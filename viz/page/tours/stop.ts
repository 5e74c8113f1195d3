import type { Seconds } from '../../../src/core/units.ts';
import type { Config } from '../../../src/sim/config.ts';
import type { View } from '../../picture.ts';
import type { Run } from '../run.ts';
import type { PagePin, Span } from '../state.ts';
import type { Words } from './say.ts';
import type { Sight } from './sight.ts';

export type ViewName = View['name'];

/** The runs that a stop is about; `b` only where it has two panes. */
export interface Cast {
  readonly a: Run;
  readonly b: Run | undefined;
}

/** The moment of a stop in the runs that are there, whatever their settings. */
export interface Found {
  readonly time: Seconds;
  readonly pin?: PagePin;
  readonly zoom?: Span;
}

/** What is seen at the cursor, which need not be where the stop put it. */
export interface Stage {
  readonly a: Sight;
  readonly b: Sight | undefined;
  readonly found: Found;
}

/** One thing to see, and what to say of it. */
export interface Stop {
  readonly title: string;
  readonly scenario: string;
  readonly a: string;
  /** Undefined: one pane. */
  readonly b?: string;
  /** Settings that differ from the scenario's. */
  readonly config?: Config;
  /** The view that it is about, and one to see beside it. */
  readonly view: ViewName;
  readonly beside?: ViewName;
  /** What `find` looks for, in words: with other settings it may not be there. */
  readonly moment: string;
  find(cast: Cast): Found | undefined;
  says(stage: Stage): Words;
}

export interface Tour {
  readonly name: string;
  readonly title: string;
  /** In the list, a line. */
  readonly about: string;
  readonly kind: 'problem' | 'answer';
  readonly stops: readonly Stop[];
}
