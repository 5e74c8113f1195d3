/** A bar on stderr while something long runs; nothing where stderr is no terminal. */
export class Progress {
  #shown = '';

  update(done: number, label: string): void {
    if (!process.stderr.isTTY) return;
    const width = 28;
    const filled = Math.round(done * width);
    const percent = `${Math.floor(done * 100)} %`.padStart(5);
    const line = `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${percent}  ${label}`;
    if (line === this.#shown) return;
    this.#shown = line;
    process.stderr.write(`\r\u001b[2K${line}`);
  }

  end(): void {
    if (this.#shown) process.stderr.write('\r\u001b[2K');
    this.#shown = '';
  }
}
