/** A bar on stderr while something long runs; nothing where stderr is no terminal. */
export class Progress {
  #shown = '';

  update(done: number, label: string): void {
    if (!process.stderr.isTTY) return;
    const width = 28;
    const filled = Math.round(done * width);
    const percent = `${Math.floor(done * 100)} %`.padStart(5);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${percent}  ${label}`;
    // A line that wraps could not be wiped.
    const line = bar.slice(0, Math.max(0, (process.stderr.columns || 80) - 1));
    if (line === this.#shown) return;
    this.#shown = line;
    process.stderr.write(`\r\u001b[2K${line}`);
  }

  /** A line of its own; the bar is drawn again below it. */
  readonly warn = (text: string): void => {
    this.end();
    process.stderr.write(`quire: ${text}\n`);
  };

  end(): void {
    if (this.#shown) process.stderr.write('\r\u001b[2K');
    this.#shown = '';
  }
}
