import type { Hit } from '../picture.ts';
import { h } from './dom.ts';

/** What lies under the pointer, in words beside it. */
export class Tooltip {
  readonly element = h('div', { class: 'tooltip', role: 'tooltip', hidden: true });
  #said = '';

  show(hit: Hit | undefined, x: number, y: number): void {
    const text = hit?.text ?? [];
    this.element.hidden = text.length === 0;
    if (text.length === 0) return;
    const said = text.join('\n');
    if (said !== this.#said) {
      this.#said = said;
      const [first, ...rest] = text;
      this.element.replaceChildren(h('strong', {}, first), ...rest.map(line => h('span', {}, line)));
    }
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = x + 14 + width > innerWidth ? x - 14 - width : x + 14;
    const top = y + 14 + height > innerHeight ? y - 10 - height : y + 14;
    this.element.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }
}
