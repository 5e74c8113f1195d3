import type { Page } from 'playwright-core';

/** What a page has asked for and not had yet. */
interface Awaited {
  /** Whether a frame is, or a timer of at most so many milliseconds. */
  awaits(longest: number): boolean;
}

const awaited = 'quireTestAwaited';

/** From its first line on, the page keeps count of the frames and timers that it waits for. */
export async function watchRest(page: Page): Promise<void> {
  await page.addInitScript(name => {
    const frames = new Set<number>();
    const timers = new Map<number, number>();
    const { requestAnimationFrame, setTimeout, clearTimeout } = window;
    window.requestAnimationFrame = run => {
      const id = requestAnimationFrame(stamp => {
        run(stamp);
        frames.delete(id);
      });
      frames.add(id);
      return id;
    };
    const later = (run: () => void, delay = 0) => {
      const id: number = setTimeout(() => {
        run();
        timers.delete(id);
      }, delay);
      timers.set(id, delay);
      return id;
    };
    const cancel = (id: number) => {
      timers.delete(id);
      clearTimeout(id);
    };
    const awaits = (longest: number) =>
      frames.size > 0 || [...timers.values()].some(delay => delay <= longest);
    Object.assign(window, { setTimeout: later, clearTimeout: cancel, [name]: { awaits } satisfies Awaited });
  }, awaited);
}

/**
 * Once the page has done all that it is to do by itself: no frame is to come, and no timer of at most so many
 * milliseconds. Two frames in a row have to find it so, for what is painted may change a size, and that ask again.
 */
export async function resting(page: Page, longest: number): Promise<void> {
  await page.evaluate(
    async ([name, most]) => {
      const { awaits } = (window as unknown as Record<string, Awaited>)[name]!;
      const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
      for (let still = 0; still < 2; ) {
        await frame();
        still = awaits(most) ? 0 : still + 1;
      }
    },
    [awaited, longest] as const,
  );
}
