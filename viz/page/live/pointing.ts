export interface PointingActions {
  /** A finger or a button went down, or up. */
  held(): void;
  /** The keyboard is at something that is made anew with each recording. */
  reads(): void;
}

/** What the user points at, on a page that changes by itself. */
export class Pointing {
  #pressing = false;
  #last: { readonly target: Element; readonly x: number; readonly y: number } | undefined;

  constructor(root: HTMLElement, { held, reads }: PointingActions) {
    const press = (pressing: boolean) => () => {
      this.#pressing = pressing;
      held();
    };
    window.addEventListener('pointerdown', press(true), { capture: true });
    // After the click, which comes last.
    const release = () => setTimeout(press(false));
    window.addEventListener('pointerup', release, { capture: true });
    window.addEventListener('pointercancel', release, { capture: true });
    root.addEventListener('pointermove', ({ target, clientX: x, clientY: y, isTrusted }) => {
      if (isTrusted && target instanceof Element) this.#last = { target, x, y };
    });
    root.addEventListener('pointerleave', () => {
      this.#last = undefined;
    });
    root.addEventListener('focusin', ({ target }) => {
      if (target instanceof Element && target.matches(':focus-visible') && isMadeAnew(target)) reads();
    });
  }

  get pressing(): boolean {
    return this.#pressing;
  }

  /** Moves the pointer to where it is: what is there is another thing now. */
  again(): void {
    const { target, x, y } = this.#last ?? {};
    if (this.#pressing || !(target instanceof HTMLCanvasElement) || !target.isConnected) return;
    target.dispatchEvent(new PointerEvent('pointermove', { clientX: x!, clientY: y!, bubbles: true }));
  }
}

const isMadeAnew = (target: Element) => target.closest('.decisions, .inspector .body') !== null;
