import type { Seconds } from '../../src/core/units.ts';
import type { Config, SettingKey } from '../../src/sim/config.ts';
import type { Hit } from '../picture.ts';
import { baseOf, configOf, type PagePin, type PageState, type Side, type Span } from './state.ts';

type Change = Partial<PageState>;

/** Another value of a setting; undefined: as the scenario has it. */
export function withSetting(state: PageState, key: SettingKey, value: unknown): Change {
  const changed: Record<string, unknown> = { ...state.overrides, [key]: value };
  if (value === undefined || value === baseOf(state)[key]) delete changed[key];
  return { overrides: changed as Config };
}

/** What a second click on the same lets go of. */
export function togglingPin({ pin: pinned }: PageState, pin: PagePin): Change {
  return { pin: JSON.stringify(pin) === JSON.stringify(pinned) ? undefined : pin };
}

/** A click on a view, apart from where it takes the cursor. */
export function clicking(state: PageState, side: Side, { pin, time }: Hit): Change {
  if (!pin) return {};
  // A second click on a time axis goes somewhere else: it is no wish to let go of the request there.
  return time === undefined ? togglingPin(state, { side, pin }) : { pin: { side, pin } };
}

/** The window with its beginning or end at the cursor. */
export function brushingEdge({ brush }: PageState, edge: 'from' | 'to', time: Seconds, extent: Span): Change {
  const [from, to] = brush ?? extent;
  // Past its other end, that end is where the run has it.
  const span: Span =
    edge === 'from' ? [time, to > time ? to : extent[1]] : [from < time ? from : extent[0], time];
  return span[0] < span[1] ? { brush: span } : {};
}

export const withoutWindow: Change = { zoom: undefined, brush: undefined };

/** One thing after the other. */
export function escaping({ pin, large }: PageState): Change {
  if (pin) return { pin: undefined };
  return large ? { large: undefined } : withoutWindow;
}

/** Out of a tour, with the settings of its stop as changes of the scenario. */
export function withoutTour(state: PageState): Change {
  const base = baseOf({ scenario: state.scenario, tour: undefined });
  const changed = Object.entries(configOf(state)).filter(([key, value]) => base[key as SettingKey] !== value);
  return { tour: undefined, overrides: Object.fromEntries(changed) as Config };
}
