import type { Recording } from '../../../src/trace/recording.ts';
import type { Pin, Theme } from '../../picture.ts';
import type { Run } from '../run.ts';
import type { Span } from '../state.ts';

/** Steps that are shown of a run that is followed: as far back as every recording of a busy engine goes. */
const SHOWN = 256;

/**
 * The latest steps: recordings go back for different lengths, and the picture must not jump for that. What requests did
 * before the first of them is not known.
 */
export function latestWindow({ recording: { steps }, start, end }: Run): Span {
  const from = steps.time[Math.max(0, steps.count - SHOWN)] ?? start;
  return [from, end > from ? end : from + 1];
}

/** The same thing as another recording of the same engine numbers it; undefined when it has left. */
export function carriedPin(pin: Pin | undefined, from: Recording, to: Recording): Pin | undefined {
  if (!pin || from === to) return pin;
  const requestOf = (index: number) => {
    const id = from.requests[index]?.id;
    return id === undefined ? -1 : to.requests.findIndex(request => request.id === id);
  };
  switch (pin.kind) {
    case 'block':
      return pin.block < to.memory.numBlocks ? pin : undefined;
    case 'request': {
      const request = requestOf(pin.request);
      return request < 0 ? undefined : { kind: 'request', request };
    }
    case 'decision': {
      const known = from.decisions[pin.decision];
      const request = known ? requestOf(known.request) : -1;
      if (!known || request < 0) return undefined;
      const { decisions } = to;
      for (let decision = 0; decision < decisions.length; decision++) {
        const other = decisions[decision]!;
        if (other.request === request && other.type === known.type && other.time === known.time) {
          return { kind: 'decision', decision };
        }
      }
      return undefined;
    }
    default:
      return pin satisfies never;
  }
}

const themes = new WeakMap<Recording, Theme>();

/** A request keeps its colour for as long as it is seen, though recordings number it anew. */
export function steadyTheme(theme: Theme, recording: Recording): Theme {
  const known = themes.get(recording);
  if (known?.name === theme.name) return known;
  const { requests } = recording;
  const steady: Theme = { ...theme, owner: request => theme.owner(requests[request]?.id ?? request) };
  themes.set(recording, steady);
  return steady;
}
