import type { Shortcut } from './keys.ts';
import type { Side } from './state.ts';
import { type ViewCommands, viewKeys } from './view-keys.ts';

/** What keys ask of the page. */
export interface Commands extends ViewCommands {
  step(by: number): void;
  toEnd(of: 'first' | 'last'): void;
  play(): void;
  find(): void;
  activate(side: Side): void;
  resetWindow(): void;
  theme(): void;
  keys(): void;
  escape(): void;
  tours(): void;
  tourStep(by: 1 | -1): void;
}

/** @param views how many there are, a number each. */
export function shortcutsOf(page: Commands, views: number): readonly Shortcut[] {
  return [
    {
      keys: ['ArrowLeft', 'ArrowRight'],
      shown: '← →',
      does: 'one scheduler step of the active pane; with Shift ten',
      run: ({ key, shiftKey }) => page.step((key === 'ArrowLeft' ? -1 : 1) * (shiftKey ? 10 : 1)),
    },
    {
      keys: ['Home', 'End'],
      shown: 'Home End',
      does: 'the first step, the last step',
      run: ({ key }) => page.toEnd(key === 'Home' ? 'first' : 'last'),
    },
    { keys: [' '], shown: 'Space', does: 'play or pause', run: () => page.play() },
    { keys: ['/'], shown: '/', does: 'find a request or a block, and pin it', run: () => page.find() },
    {
      keys: ['a', 'b'],
      shown: 'a b',
      does: 'the active pane, whose steps the arrows take',
      run: ({ key }) => page.activate(key as Side),
    },
    ...viewKeys(page, views),
    { keys: ['0'], shown: '0', does: 'the whole run, no window', run: () => page.resetWindow() },
    { keys: ['g'], shown: 'g', does: 'guided tours', run: () => page.tours() },
    {
      keys: ['n', 'Enter'],
      shown: 'n Enter',
      does: 'in a tour: the next stop',
      run: () => page.tourStep(1),
    },
    {
      keys: ['p', 'Backspace'],
      shown: 'p ⌫',
      does: 'in a tour: the stop before',
      run: () => page.tourStep(-1),
    },
    { keys: ['t'], shown: 't', does: 'light or dark', run: () => page.theme() },
    { keys: ['?'], shown: '?', does: 'these keys', run: () => page.keys() },
    {
      keys: ['Escape'],
      shown: 'Esc',
      does: 'give up a file; end the tour; unpin; shrink; show all',
      run: () => page.escape(),
    },
  ];
}
