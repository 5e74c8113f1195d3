import type { Theme } from './picture.ts';

/**
 * Colours of requests, neighbours far apart: Okabe–Ito without its vermilion, which means waste here, and four more
 * of the same lightness. `ink` can be read on each, in either theme. More than ten nobody tells apart.
 */
const owners = [
  '#3f8fd2',
  '#e69f00',
  '#12a37a',
  '#cf84ae',
  '#dccb2a',
  '#6cc5ee',
  '#a08fdc',
  '#a3a343',
  '#49bfb5',
  '#d9a6e0',
] as const;

/** Writing on the colour of a request or of a kind of slot. */
export const ink = '#101418';
/** Lines over the colour of a request: its block has more than one holder. */
export const sharedHatch = 'rgba(255,255,255,0.75)';
/** Lines over a colour: nothing comes of it, or nobody holds it. */
export const idleHatch = 'rgba(0,0,0,0.22)';

/** A request has the same colour in every view, run and theme. */
const owner = (request: number) => owners[request % owners.length]!;

export const light: Theme = {
  name: 'light',
  background: '#ffffff',
  surface: '#f5f7f9',
  text: '#1a2026',
  muted: '#535d67',
  grid: '#d3d9df',
  cursor: '#000000',
  kinds: {
    token: '#3f8fd2',
    reserved: '#f6cdb2',
    internal: '#e04f26',
    external: '#b2456e',
    cached: '#c3cbd3',
    free: '#e7ebef',
  },
  work: {
    queued: '#98a3ae',
    prefill: '#e69f00',
    decode: '#3f8fd2',
    held: '#e0a07a',
    preempted: '#cc3a12',
  },
  bound: { compute: '#e69f00', bandwidth: '#3f8fd2', overhead: '#a5afb9' },
  owner,
};

export const dark: Theme = {
  name: 'dark',
  background: '#12161b',
  surface: '#1a2027',
  text: '#e9edf1',
  muted: '#a7b1bc',
  grid: '#38424d',
  cursor: '#ffffff',
  kinds: {
    token: '#3f8fd2',
    reserved: '#b98670',
    internal: '#ea5832',
    external: '#c9568a',
    cached: '#66717c',
    free: '#29323b',
  },
  work: {
    queued: '#7b8793',
    prefill: '#e69f00',
    decode: '#3f8fd2',
    held: '#b98670',
    preempted: '#ff6442',
  },
  bound: { compute: '#e69f00', bandwidth: '#3f8fd2', overhead: '#7b8793' },
  owner,
};

export const themes: Readonly<Record<Theme['name'], Theme>> = { light, dark };
