import type { UsageError } from '../../core/errors.ts';
import { complement, type Range } from './code-points.ts';

const digit: readonly Range[] = [[0x30, 0x39]];
const word: readonly Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const space: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];

/** All but the ends of lines. */
export const dotRanges = complement([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);

const classes: Readonly<Record<string, readonly Range[]>> = {
  d: digit,
  D: complement(digit),
  w: word,
  W: complement(word),
  s: space,
  S: complement(space),
};

const controls: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

/** What a backslash stands for, in a class or outside. */
export class ClassEscapes {
  readonly #next: () => string;
  readonly #peek: () => string | undefined;
  readonly #error: (why: string) => UsageError;

  constructor(next: () => string, peek: () => string | undefined, error: (why: string) => UsageError) {
    this.#next = next;
    this.#peek = peek;
    this.#error = error;
  }

  /** What follows the backslash. */
  read(inClass: boolean): readonly Range[] {
    const next = this.#next();
    if (Object.hasOwn(classes, next)) return classes[next]!;
    const code = this.#code(next, inClass);
    return [[code, code]];
  }

  #code(next: string, inClass: boolean): number {
    if (Object.hasOwn(controls, next)) return controls[next]!;
    switch (next) {
      case 'b':
        if (inClass) return 8;
        throw this.#error('word boundaries are not supported');
      case 'B':
        throw this.#error('word boundaries are not supported');
      case 'p':
      case 'P':
        throw this.#error('property escapes are not supported');
      case 'k':
        throw this.#error('backreferences are not supported');
      case '0':
        if (!/\d/.test(this.#peek() ?? '')) return 0;
        throw this.#error('octal escapes are not supported');
      case 'c':
        return this.#letter() & 0x1f;
      case 'x':
        return this.#hex(2);
      case 'u':
        return this.#unicode();
      default:
        if (/[1-9]/.test(next)) throw this.#error('backreferences are not supported');
        if (/[A-Za-z]/.test(next)) throw this.#error(`\\${next} is not an escape`);
        return next.codePointAt(0)!;
    }
  }

  #letter(): number {
    const letter = this.#next();
    if (!/[A-Za-z]/.test(letter)) throw this.#error('\\c needs a letter');
    return letter.charCodeAt(0);
  }

  #hex(digits: number): number {
    let text = '';
    for (let i = 0; i < digits; i++) text += this.#next();
    if (!/^[\da-fA-F]+$/.test(text)) throw this.#error(`${digits} hexadecimal digits are expected`);
    return Number.parseInt(text, 16);
  }

  #unicode(): number {
    if (this.#peek() !== '{') return this.#hex(4);
    this.#next();
    let text = '';
    for (let next = this.#next(); next !== '}'; next = this.#next()) text += next;
    const code = /^[\da-fA-F]{1,6}$/.test(text) ? Number.parseInt(text, 16) : Number.POSITIVE_INFINITY;
    if (code > 0x10ffff) throw this.#error('a code point is expected');
    return code;
  }
}
