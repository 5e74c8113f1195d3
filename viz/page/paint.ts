import type { Mark, Picture } from '../picture.ts';
import { Pixels } from './pixels.ts';

type Rect = Extract<Mark, { kind: 'rect' }>;
type Text = Extract<Mark, { kind: 'text' }>;
type Path = Extract<Mark, { kind: 'line' | 'area' }>;

const fonts = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

/** More rects than this are written as pixels, below all else. */
const MANY_RECTS = 1500;
/** A beginning of this many points is worth a bitmap of its own. */
const HEAVY = 60;

interface Sheet {
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
  readonly background: string;
}

/**
 * Paints pictures on one canvas. Views remember what is costly, so the first marks of a picture are often the
 * very objects of the last one: those are kept as a bitmap, and what follows (a cursor) is painted over it.
 */
export class Painter {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #hatches = new Map<string, CanvasPattern>();
  readonly #layer = document.createElement('canvas');
  /** The marks that the layer holds. */
  #kept: readonly Mark[] = [];
  #last: readonly Mark[] = [];
  #sheet: Sheet = { width: 0, height: 0, ratio: 0, background: '' };
  #pixels: Pixels | undefined;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { alpha: false })!;
  }

  /** @param scale pixels of the page for one of the picture. */
  paint({ width, height, marks }: Picture, background: string, scale = 1): void {
    this.#prepare(width, height, background, scale);
    const { ratio } = this.#sheet;
    const same = commonLength(this.#last, marks, marks.length);
    this.#last = marks;
    if (isMany(marks)) {
      this.#paintPixels(marks);
      return;
    }
    const isKept = commonLength(this.#kept, marks, marks.length) === this.#kept.length;
    if (!isKept || weightOf(marks, this.#kept.length, same) > HEAVY) this.#keep(marks.slice(0, same));
    const context = this.#context;
    if (this.#kept.length > 0) {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(this.#layer, 0, 0);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
    } else clear(context, this.#sheet);
    this.#draw(context, marks, this.#kept.length);
  }

  #prepare(width: number, height: number, background: string, scale: number): void {
    const ratio = (window.devicePixelRatio || 1) * scale;
    const sheet: Sheet = {
      width: Math.max(1, Math.round(width * ratio)),
      height: Math.max(1, Math.round(height * ratio)),
      ratio,
      background,
    };
    const before = this.#sheet;
    if (sheet.width !== before.width || sheet.height !== before.height) {
      this.#canvas.width = this.#layer.width = sheet.width;
      this.#canvas.height = this.#layer.height = sheet.height;
    } else if (ratio === before.ratio && background === before.background) return;
    this.#sheet = sheet;
    this.#hatches.clear();
    this.#kept = [];
    this.#last = [];
  }

  #keep(marks: readonly Mark[]): void {
    this.#kept = weightOf(marks, 0, marks.length) > HEAVY ? marks : [];
    if (this.#kept.length === 0) return;
    const context = this.#layer.getContext('2d', { alpha: false })!;
    clear(context, this.#sheet);
    this.#draw(context, marks, 0);
  }

  #paintPixels(marks: readonly Mark[]): void {
    const { width, height, ratio, background } = this.#sheet;
    const pixels = (this.#pixels ??= new Pixels());
    pixels.clear(width, height, background);
    for (const mark of marks) if (mark.kind === 'rect') pixels.rect(mark, ratio);
    pixels.put(this.#context);
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#draw(
      this.#context,
      marks.filter(mark => mark.kind !== 'rect'),
      0,
    );
  }

  #draw(context: CanvasRenderingContext2D, marks: readonly Mark[], from: number): void {
    // Setting a style parses it: a thousand bars have a few colours. A font is looked up in the document.
    let fill = '';
    let font = '';
    for (let i = from; i < marks.length; i++) {
      const mark = marks[i]!;
      switch (mark.kind) {
        case 'rect':
          if (mark.fill !== 'transparent') {
            if (mark.fill !== fill) context.fillStyle = fill = mark.fill;
            context.fillRect(mark.x, mark.y, mark.width, mark.height);
          }
          if (mark.hatch !== undefined || mark.stroke !== undefined) {
            this.#trim(context, mark);
            fill = '';
          }
          break;
        case 'text':
          if (mark.fill !== fill) context.fillStyle = fill = mark.fill;
          if (fontOf(mark) !== font) context.font = font = fontOf(mark);
          context.textAlign = mark.anchor === 'middle' ? 'center' : (mark.anchor ?? 'start');
          context.fillText(mark.text, mark.x, mark.y);
          break;
        default:
          drawPath(context, mark);
          fill = '';
      }
    }
  }

  #trim(context: CanvasRenderingContext2D, mark: Rect): void {
    if (mark.hatch !== undefined) {
      context.fillStyle = this.#hatch(context, mark.hatch);
      context.fillRect(mark.x, mark.y, mark.width, mark.height);
    }
    if (mark.stroke !== undefined) {
      context.strokeStyle = mark.stroke;
      context.lineWidth = 2;
      context.setLineDash([]);
      context.strokeRect(mark.x, mark.y, mark.width, mark.height);
    }
  }

  /** Diagonal lines, 5 px apart as in the SVG, that meet where tiles meet. */
  #hatch(context: CanvasRenderingContext2D, color: string): CanvasPattern {
    const known = this.#hatches.get(color);
    if (known) return known;
    const { ratio } = this.#sheet;
    const size = Math.round(7 * ratio);
    const tile = document.createElement('canvas');
    tile.width = tile.height = size;
    const pen = tile.getContext('2d')!;
    pen.strokeStyle = color;
    pen.lineWidth = 1.6 * ratio;
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift - 1, size + 1);
      pen.lineTo(shift + size + 1, -1);
    }
    pen.stroke();
    const pattern = context.createPattern(tile, 'repeat')!;
    pattern.setTransform(new DOMMatrix().scale(1 / ratio));
    this.#hatches.set(color, pattern);
    return pattern;
  }
}

function clear(context: CanvasRenderingContext2D, { width, height, ratio, background }: Sheet): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = background;
  context.fillRect(0, 0, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

/** How many marks both begin with, as the same objects. */
function commonLength(a: readonly Mark[], b: readonly Mark[], limit: number): number {
  const end = Math.min(a.length, b.length, limit);
  let i = 0;
  while (i < end && a[i] === b[i]) i++;
  return i;
}

/** What painting costs, about: points. */
function weightOf(marks: readonly Mark[], from: number, to: number): number {
  let weight = 0;
  for (let i = from; i < to; i++) {
    const mark = marks[i]!;
    weight += mark.kind === 'rect' || mark.kind === 'text' ? 1 : mark.points.length / 2;
  }
  return weight;
}

function isMany(marks: readonly Mark[]): boolean {
  if (marks.length < MANY_RECTS) return false;
  let rects = 0;
  for (const { kind } of marks) if (kind === 'rect') rects++;
  return rects >= MANY_RECTS;
}

const bold = `600 11px ${fonts}`;
const plain = `11px ${fonts}`;

function fontOf({ weight, size = 11 }: Text): string {
  if (size === 11) return weight === 'bold' ? bold : plain;
  return `${weight === 'bold' ? '600 ' : ''}${size}px ${fonts}`;
}

function drawPath(context: CanvasRenderingContext2D, mark: Path): void {
  const { points } = mark;
  if (points.length < 4) return;
  context.beginPath();
  context.moveTo(points[0]!, points[1]!);
  for (let i = 2; i < points.length; i += 2) context.lineTo(points[i]!, points[i + 1]!);
  if (mark.kind === 'area') {
    context.closePath();
    context.fillStyle = mark.color;
    context.fill();
    return;
  }
  context.strokeStyle = mark.color;
  context.lineWidth = mark.width ?? 1;
  context.lineJoin = 'round';
  context.setLineDash(mark.dash ? [4, 3] : []);
  context.stroke();
}
