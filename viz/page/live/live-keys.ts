import type { Shortcut } from '../keys.ts';
import { type ViewCommands, viewKeys } from '../view-keys.ts';

/** What keys ask of the live page. */
export interface LiveCommands extends ViewCommands {
  step(by: number): void;
  first(): void;
  follow(): void;
  toggle(): void;
  find(): void;
  resetWindow(): void;
  theme(): void;
  keys(): void;
  escape(): void;
}

/** @param views how many there are, a number each. */
export function liveShortcuts(page: LiveCommands, views: number): readonly Shortcut[] {
  return [
    { keys: ['End'], shown: 'End', does: 'follow the newest step', run: () => page.follow() },
    { keys: [' '], shown: 'Space', does: 'stand still, or follow again', run: () => page.toggle() },
    {
      keys: ['ArrowLeft', 'ArrowRight'],
      shown: '← →',
      does: 'stand still and take one scheduler step; with Shift ten',
      run: ({ key, shiftKey }) => page.step((key === 'ArrowLeft' ? -1 : 1) * (shiftKey ? 10 : 1)),
    },
    { keys: ['Home'], shown: 'Home', does: 'the oldest step that is kept', run: () => page.first() },
    { keys: ['/'], shown: '/', does: 'find a request or a block, and pin it', run: () => page.find() },
    ...viewKeys(page, views),
    { keys: ['0'], shown: '0', does: 'all steps that are kept', run: () => page.resetWindow() },
    { keys: ['t'], shown: 't', does: 'light or dark', run: () => page.theme() },
    { keys: ['?'], shown: '?', does: 'these keys', run: () => page.keys() },
    { keys: ['Escape'], shown: 'Esc', does: 'unpin; shrink; show all', run: () => page.escape() },
  ];
}
