import type { Shortcut } from './keys.ts';

/** What keys ask of any page with views. */
export interface ViewCommands {
  focusView(index: number): void;
  brushEdge(edge: 'from' | 'to'): void;
  zoom(): void;
}

/** @param views how many there are, a number each. */
export function viewKeys(page: ViewCommands, views: number): readonly Shortcut[] {
  const numbers = Array.from({ length: views }, (_, i) => String(i + 1));
  return [
    {
      keys: numbers,
      shown: numbers.join(' '),
      does: 'focus a view; again: enlarge it',
      run: ({ key }) => page.focusView(Number(key) - 1),
    },
    {
      keys: ['[', ']'],
      shown: '[ ]',
      does: 'the window begins, or ends, at the cursor',
      run: ({ key }) => page.brushEdge(key === '[' ? 'from' : 'to'),
    },
    { keys: ['z'], shown: 'z', does: 'zoom to the window', run: () => page.zoom() },
  ];
}
