import type { BenchServe } from '../client/bench-serve.ts';
import { number, percent, whole } from './format.ts';

/** How a load fares, on stderr while it does: one line of a terminal, else a line every ten seconds. */
export class BenchProgress {
  readonly #bench: Pick<BenchServe, 'progress'>;
  readonly #total: number;
  #isShown = false;
  readonly #timer: NodeJS.Timeout;
  /** Chunks and times of the last seconds: the rate is of now, not since the start. */
  readonly #window: { readonly elapsed: number; readonly chunks: number }[] = [];

  constructor(bench: Pick<BenchServe, 'progress'>, total: number) {
    this.#bench = bench;
    this.#total = total;
    const isTerminal = process.stderr.isTTY;
    this.#timer = setInterval(() => this.#show(isTerminal), isTerminal ? 200 : 10_000);
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#isShown) process.stderr.write(WIPE);
    this.#isShown = false;
  }

  #show(isTerminal: boolean): void {
    const { done, failed, inFlight, chunks, elapsed } = this.#bench.progress;
    this.#window.push({ elapsed, chunks });
    if (this.#window.length > 11) this.#window.shift();
    const first = this.#window[0]!;
    const since = elapsed - first.elapsed > 0 ? first : { elapsed: 0, chunks: 0 };
    const rate = (chunks - since.chunks) / (elapsed - since.elapsed);
    const text =
      `${whole(done)} of ${whole(this.#total)} done, ${whole(failed)} failed, ${whole(inFlight)} in flight` +
      ` · ${number(rate)} tok/s`;
    if (!isTerminal) {
      process.stderr.write(`${number(elapsed)} s: ${text}\n`);
      return;
    }
    this.#isShown = true;
    const line = `${percent((done + failed) / this.#total).padStart(5)}  ${text}`;
    // A line that wraps could not be wiped.
    process.stderr.write(WIPE + line.slice(0, Math.max(0, (process.stderr.columns || 80) - 1)));
  }
}

const WIPE = '\r\u001b[2K';
