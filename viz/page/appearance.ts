import type { Theme } from '../picture.ts';
import { themes } from '../theme.ts';

const colors = ['background', 'surface', 'text', 'muted', 'grid'] as const;

/** Light or dark: as chosen, else as the system has it. */
export class Appearance {
  readonly #system = matchMedia('(prefers-color-scheme: dark)');

  constructor(changed: () => void) {
    this.#system.addEventListener('change', changed);
  }

  theme(chosen: Theme['name'] | undefined): Theme {
    return themes[chosen ?? (this.#system.matches ? 'dark' : 'light')];
  }

  /** The colours of the page are those of its pictures. */
  dress(theme: Theme): void {
    const { dataset, style } = document.documentElement;
    if (dataset['theme'] === theme.name) return;
    dataset['theme'] = theme.name;
    for (const name of colors) style.setProperty(`--${name}`, theme[name]);
  }
}
