import { quoted, UsageError } from '../../src/core/errors.ts';
import { policies } from '../../src/core/policies/registry.ts';
import type { Seconds } from '../../src/core/units.ts';
import { type Config, parseSetting, type SettingKey } from '../../src/sim/config.ts';
import { settings } from '../../src/sim/settings.ts';
import type { Pin } from '../picture.ts';
import { findScenario, scenarios } from './scenarios.ts';
import { findTour, type Place, stopAt, tours } from './tours/index.ts';

export const sides = ['a', 'b'] as const;
export type Side = (typeof sides)[number];
export type Span = readonly [from: Seconds, to: Seconds];

export interface PagePin {
  readonly side: Side;
  readonly pin: Pin;
}

/** All that the page shows, apart from the runs themselves: what its address says. */
export interface PageState {
  /** Where a guided tour stands; it decides the scenario. */
  readonly tour: Place | undefined;
  readonly scenario: string;
  readonly a: string;
  /** No second policy: one pane. */
  readonly b: string | undefined;
  /** Settings that differ from the scenario's. */
  readonly overrides: Config;
  /** Undefined: where the story is, or the moment of a tour's stop. */
  readonly time: Seconds | undefined;
  readonly pin: PagePin | undefined;
  /** The window whose percentiles are shown. */
  readonly brush: Span | undefined;
  /** What is shown of the time axis; undefined: all. */
  readonly zoom: Span | undefined;
  /** Undefined: as the system has it. */
  readonly theme: 'light' | 'dark' | undefined;
  /** Simulated seconds a second. */
  readonly speed: number;
  /** The view that fills its pane. */
  readonly large: string | undefined;
}

export const speeds: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 5, 10, 50];

/** @param shown names of recordings that are shown instead of running anything. */
export function startOf(scenario = scenarios[0]!, shown?: readonly string[]): PageState {
  const [a, b] = shown ?? scenario.config.policy!;
  return {
    tour: undefined,
    scenario: scenario.name,
    a: a!,
    b,
    overrides: {},
    time: undefined,
    pin: undefined,
    brush: undefined,
    zoom: undefined,
    theme: undefined,
    speed: 1,
    large: undefined,
  };
}

/** The page as a stop of a tour shows it. */
export function startOfStop(place: Place): PageState {
  const { scenario, a, b } = stopAt(place);
  return { ...startOf(findScenario(scenario)), a, b, tour: place };
}

/** The settings that the user has not touched. */
export function baseOf({ scenario, tour }: Pick<PageState, 'scenario' | 'tour'>): Config {
  return { ...findScenario(scenario)!.config, ...(tour && stopAt(tour).config) };
}

/** The settings of the runs. Lengths of one's own take the place of a data set's. */
export function configOf(state: PageState): Config {
  const { overrides } = state;
  const config: Config = { ...baseOf(state), ...overrides };
  const means = meansOf[config.workload ?? 'sharegpt'];
  if (means && !config.trace && (overrides.input_len !== undefined || overrides.output_len !== undefined)) {
    return { ...config, ...means, ...overrides, workload: 'lognormal' };
  }
  return config;
}

/** Mean lengths of the data sets that a workload draws from. */
export const meansOf: Readonly<Record<string, { input_len: number; output_len: number }>> = {
  sharegpt: { input_len: 161, output_len: 338 },
  alpaca: { input_len: 19, output_len: 58 },
};

/** As the part of the address behind `#`. */
export function hashOf(state: PageState, shown?: readonly string[]): string {
  const { tour } = state;
  const start = tour ? startOfStop(tour) : startOf(findScenario(state.scenario), shown);
  const entries: [string, string][] = shown ? [] : [['scenario', state.scenario]];
  if (tour) entries.splice(0, 1, ['tour', tour.tour], ['stop', String(tour.stop + 1)]);
  if (state.a !== start.a) entries.push(['a', state.a]);
  if (state.b !== start.b) entries.push(['b', state.b ?? 'none']);
  for (const [key, value] of Object.entries(state.overrides)) {
    entries.push([key, typeof value === 'string' ? value : JSON.stringify(value)]);
  }
  if (state.time !== undefined) entries.push(['t', String(state.time)]);
  if (state.pin) entries.push(['pin', pinText(state.pin)]);
  if (state.brush) entries.push(['window', state.brush.join('~')]);
  if (state.zoom) entries.push(['zoom', state.zoom.join('~')]);
  if (state.theme) entries.push(['theme', state.theme]);
  if (state.speed !== start.speed) entries.push(['speed', String(state.speed)]);
  if (state.large) entries.push(['view', state.large]);
  return entries.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&');
}

/** @throws UsageError that names the part of the address that is wrong. */
export function stateOf(hash: string, shown?: readonly string[]): PageState {
  const given = new Map(new URLSearchParams(hash.replace(/^#/, '')));
  const take = (key: string) => {
    const value = given.get(key);
    given.delete(key);
    return value;
  };
  const tour = shown ? undefined : placeOf(take('tour'), take('stop'));
  const start = tour ? startOfStop(tour) : startOf(scenarioOf(take('scenario')), shown);
  const time = take('t');
  const known = shown ?? policies.map(policy => policy.name);
  const b = take('b') ?? start.b;
  const state: PageState = {
    ...start,
    a: oneOf('a', take('a') ?? start.a, known),
    b: b === 'none' || b === undefined ? undefined : oneOf('b', b, known),
    time: time === undefined ? undefined : seconds('t', time),
    pin: pinOf(take('pin')),
    brush: spanOf('window', take('window')),
    zoom: spanOf('zoom', take('zoom')),
    theme: themeOf(take('theme')),
    speed: speedOf(take('speed')),
    large: take('view'),
  };
  const overrides = [...given].map(([key, text]) => {
    if (!Object.hasOwn(settings, key) || fixed.has(key)) {
      throw wrong(key, text, 'there is no such control');
    }
    return [key, parseSetting(key, writtenValue(key as SettingKey, text), 'address: ')];
  });
  return { ...state, overrides: Object.fromEntries(overrides) as Config };
}

function scenarioOf(name: string | undefined) {
  const scenario = name === undefined ? scenarios[0]! : findScenario(name);
  if (scenario) return scenario;
  throw wrong('scenario', name!, `expected one of ${scenarios.map(known => known.name).join(', ')}`);
}

function placeOf(name: string | undefined, stop = '1'): Place | undefined {
  if (name === undefined) return undefined;
  const tour = findTour(name);
  if (!tour) throw wrong('tour', name, `expected one of ${tours.map(known => known.name).join(', ')}`);
  const { length } = tour.stops;
  const number = /^\d{1,3}$/.test(stop) ? Number(stop) : 0;
  if (number < 1 || number > length) throw wrong('stop', stop, `expected a number from 1 to ${length}`);
  return { tour: name, stop: number - 1 };
}

/** Settings that name files, or that the page decides itself. */
const fixed = new Set(['policy', 'trace', 'kernels', 'profile', 'replications']);

/** A setting as a person writes it in a field or an address. */
export function writtenValue(key: SettingKey, text: string): unknown {
  if (settings[key].flag === 'switch') return text === 'true';
  const isNumber = settings[key].flag === 'number' && text.trim() !== '' && Number.isFinite(Number(text));
  return isNumber ? Number(text) : text.trim();
}

function oneOf(key: string, name: string, known: readonly string[]): string {
  if (!known.includes(name)) throw wrong(key, name, `expected one of ${known.join(', ')}`);
  return name;
}

function seconds(key: string, text: string): Seconds {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value)) throw wrong(key, text, 'expected seconds');
  return value;
}

function spanOf(key: string, text: string | undefined): Span | undefined {
  if (text === undefined) return undefined;
  const [from = '', to = ''] = text.split('~');
  const span = [seconds(key, from), seconds(key, to)] as const;
  if (span[0] >= span[1]) throw wrong(key, text, 'expected two times, the earlier first');
  return span;
}

function themeOf(text: string | undefined): PageState['theme'] {
  if (text === undefined || text === 'light' || text === 'dark') return text;
  throw wrong('theme', text, 'expected light or dark');
}

function speedOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const speed = seconds('speed', text);
  if (!speeds.includes(speed)) throw wrong('speed', text, `expected one of ${speeds.join(', ')}`);
  return speed;
}

function pinText({ side, pin }: PagePin): string {
  return `${side}.${pin.kind}.${(pin as unknown as Record<string, number>)[pin.kind]}`;
}

function pinOf(text: string | undefined): PagePin | undefined {
  if (text === undefined) return undefined;
  const match = /^([ab])\.(block|request|decision)\.(\d{1,9})$/.exec(text);
  if (!match) throw wrong('pin', text, 'expected a.block.17, b.request.3 or a.decision.5');
  const [, side, kind, index] = match;
  return { side: side as Side, pin: { kind, [kind!]: Number(index) } as unknown as Pin };
}

function wrong(key: string, found: string, expected: string): UsageError {
  return new UsageError(`the address of this page: ${key}=${quoted(found)}: ${expected}`);
}
