import type { Mark } from '../picture.ts';

type Rect = Extract<Mark, { kind: 'rect' }>;

interface Color {
  /** As a pixel of image data, opaque. */
  readonly word: number;
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  readonly alpha: number;
}

/** Diagonal lines: 1.6 of every 5 pixels across, as in the SVG, counted along a row. */
const PERIOD = 7;
const LINE = 2.26;

/**
 * Rects written as pixels. Ten thousand cells cover few pixels each, and a drawing call costs more than those:
 * this is several times faster than a canvas without a graphics card. Edges are on whole pixels.
 */
export class Pixels {
  readonly #colors = new Map<string, Color>();
  readonly #parser = document.createElement('canvas').getContext('2d')!;
  #image: ImageData | undefined;
  #words = new Uint32Array(0);

  clear(width: number, height: number, background: string): void {
    if (this.#image?.width !== width || this.#image.height !== height) {
      this.#image = new ImageData(width, height);
      this.#words = new Uint32Array(this.#image.data.buffer);
    }
    this.#words.fill(this.#color(background).word);
  }

  /** @param ratio device pixels a pixel. */
  rect(mark: Rect, ratio: number): void {
    const left = Math.round(mark.x * ratio);
    const top = Math.round(mark.y * ratio);
    const right = Math.round((mark.x + mark.width) * ratio);
    const bottom = Math.round((mark.y + mark.height) * ratio);
    if (mark.fill !== 'transparent') this.#fill(left, top, right, bottom, this.#color(mark.fill));
    if (mark.hatch !== undefined) this.#hatch(left, top, right, bottom, this.#color(mark.hatch), ratio);
    if (mark.stroke !== undefined) {
      const color = this.#color(mark.stroke);
      const half = Math.max(1, Math.round(ratio));
      this.#fill(left - half, top - half, right + half, top + half, color);
      this.#fill(left - half, bottom - half, right + half, bottom + half, color);
      this.#fill(left - half, top + half, left + half, bottom - half, color);
      this.#fill(right - half, top + half, right + half, bottom - half, color);
    }
  }

  put(context: CanvasRenderingContext2D): void {
    if (this.#image) context.putImageData(this.#image, 0, 0);
  }

  #fill(left: number, top: number, right: number, bottom: number, color: Color): void {
    const { width, height } = this.#image!;
    const from = Math.max(0, left);
    const to = Math.min(width, right);
    if (from >= to) return;
    const words = this.#words;
    for (let y = Math.max(0, top); y < Math.min(height, bottom); y++) {
      const row = y * width;
      if (color.alpha < 1) for (let x = from; x < to; x++) this.#blend(row + x, color);
      // A call of `fill` costs more than a few pixels.
      else if (to - from > 24) words.fill(color.word, row + from, row + to);
      else for (let x = from; x < to; x++) words[row + x] = color.word;
    }
  }

  #hatch(left: number, top: number, right: number, bottom: number, color: Color, ratio: number): void {
    const { width, height } = this.#image!;
    const period = Math.round(PERIOD * ratio);
    const line = Math.max(1, Math.round(LINE * ratio));
    for (let y = Math.max(0, top); y < Math.min(height, bottom); y++) {
      for (let x = Math.max(0, left); x < Math.min(width, right); x++) {
        if ((x + y) % period < line) this.#blend(y * width + x, color);
      }
    }
  }

  #blend(at: number, { red, green, blue, alpha }: Color): void {
    const under = this.#words[at]!;
    const mix = (over: number, shift: number) => {
      const below = (under >>> shift) & 255;
      return below + Math.round((over - below) * alpha);
    };
    this.#words[at] = (0xff000000 | (mix(blue, 16) << 16) | (mix(green, 8) << 8) | mix(red, 0)) >>> 0;
  }

  /** As CSS has it; whatever way it is written, a canvas reads it back in one of two. */
  #color(css: string): Color {
    const known = this.#colors.get(css);
    if (known) return known;
    this.#parser.fillStyle = css;
    const text = String(this.#parser.fillStyle);
    const [red, green, blue, alpha] = text.startsWith('#')
      ? [1, 3, 5].map(i => Number.parseInt(text.slice(i, i + 2), 16)).concat(1)
      : text.match(/[\d.]+/g)!.map(Number);
    const word = (0xff000000 | (blue! << 16) | (green! << 8) | red!) >>> 0;
    const color = { word, red: red!, green: green!, blue: blue!, alpha: alpha! };
    this.#colors.set(css, color);
    return color;
  }
}
