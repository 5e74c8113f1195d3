import { h } from './dom.ts';

/** What a key does; the table is also what `?` shows. */
export interface Shortcut {
  readonly keys: readonly string[];
  /** As written on the keyboard. */
  readonly shown: string;
  readonly does: string;
  run(event: KeyboardEvent): void;
}

/** Hears keys wherever the focus is, except where it needs them itself. */
export function listen(shortcuts: readonly Shortcut[]): void {
  const byKey = new Map(shortcuts.flatMap(shortcut => shortcut.keys.map(key => [key, shortcut] as const)));
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.closest('dialog')) return;
    const writes = target.matches('input, select, textarea');
    if (writes && event.key === 'Escape') (target as HTMLElement).blur();
    if (writes) return;
    if (target.matches('button, summary, a') && (event.key === ' ' || event.key === 'Enter')) return;
    const shortcut = byKey.get(event.key);
    if (!shortcut) return;
    event.preventDefault();
    shortcut.run(event);
  });
}

/** The overlay of `?`. */
export function keysDialog(shortcuts: readonly Shortcut[]): HTMLDialogElement {
  const dialog = h(
    'dialog',
    { class: 'keys', 'aria-label': 'Keys' },
    h('h2', {}, 'Keys'),
    h(
      'dl',
      {},
      ...shortcuts.flatMap(({ shown, does }) => [
        h('dt', {}, ...shown.split(' ').map(key => h('kbd', {}, key))),
        h('dd', {}, does),
      ]),
    ),
    h(
      'p',
      {},
      'Hover explains, click pins, drag over a time axis seeks, Shift+drag chooses a window, double-click shows all.',
    ),
    h('form', { method: 'dialog' }, h('button', { class: 'primary' }, 'Close')),
  );
  dialog.addEventListener('keydown', event => {
    if (event.key === '?') dialog.close();
  });
  dialog.addEventListener('click', event => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}
