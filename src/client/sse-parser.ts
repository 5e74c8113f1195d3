/**
 * Reads a stream of server-sent events as it comes in, in pieces of any size: only whole lines are decoded, so neither
 * a line nor a UTF-8 character suffers from being cut. Of the fields only `data` matters to the APIs spoken here.
 */
export class SseParser {
  readonly #onData: (data: string) => void;
  /** A line that is not whole yet. */
  #rest: Buffer | undefined;
  /** Data lines of the event that is being read. */
  #data: string | undefined;
  #begun = false;
  /** The last piece ended with a carriage return, which a line feed may complete. */
  #afterReturn = false;

  /** @param onData told the data of each event, its lines joined by line feeds. */
  constructor(onData: (data: string) => void) {
    this.#onData = onData;
  }

  push(piece: Buffer): void {
    let buffer = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    this.#rest = undefined;
    if (!this.#begun) {
      if (buffer.length < 3 && BOM.subarray(0, buffer.length).equals(buffer)) {
        this.#rest = buffer;
        return;
      }
      this.#begun = true;
      if (buffer.subarray(0, 3).equals(BOM)) buffer = buffer.subarray(3);
    }
    this.#lines(buffer);
  }

  /** The stream is over: an event whose blank line the server left out counts all the same. */
  end(): void {
    const rest = this.#rest;
    this.#rest = undefined;
    if (rest !== undefined) this.#line(rest, 0, rest.length);
    this.#dispatch();
  }

  #lines(buffer: Buffer): void {
    let start = 0;
    if (this.#afterReturn && buffer.length > 0) {
      this.#afterReturn = false;
      if (buffer[0] === LF) start = 1;
    }
    // Nobody ends lines with it alone, but the standard has it: looked for again only once it was found.
    let cr = buffer.indexOf(CR, start);
    while (start < buffer.length) {
      const lf = buffer.indexOf(LF, start);
      if (cr >= 0 && cr < start) cr = buffer.indexOf(CR, start);
      const isReturn = cr >= 0 && (lf < 0 || cr < lf);
      const end = isReturn ? cr : lf;
      if (end < 0) {
        this.#rest = start === 0 ? buffer : buffer.subarray(start);
        return;
      }
      this.#line(buffer, start, end);
      start = end + 1;
      if (!isReturn) continue;
      if (start === buffer.length) this.#afterReturn = true;
      else if (buffer[start] === LF) start++;
    }
  }

  #line(buffer: Buffer, start: number, end: number): void {
    if (start === end) {
      this.#dispatch();
      return;
    }
    if (!isData(buffer, start, end)) return;
    if (end - start === 4) {
      this.#append('');
      return;
    }
    const from = buffer[start + 5] === SPACE ? start + 6 : start + 5;
    this.#append(from >= end ? '' : buffer.toString('utf8', from, end));
  }

  #append(line: string): void {
    this.#data = this.#data === undefined ? line : `${this.#data}\n${line}`;
  }

  #dispatch(): void {
    const data = this.#data;
    this.#data = undefined;
    if (data !== undefined && data !== '') this.#onData(data);
  }
}

/** Whether a line is of the field `data`, with a colon or, when it is nothing else, without. */
function isData(line: Buffer, start: number, end: number): boolean {
  for (let i = 0; i < DATA.length; i++) if (line[start + i] !== DATA[i]) return false;
  return end === start + 4 || (end > start + 4 && line[start + 4] === COLON);
}

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const DATA = Buffer.from('data');
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
