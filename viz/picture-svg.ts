import type { Mark, Picture, Theme } from './picture.ts';
import { escapeXml, round } from './svg.ts';

type Rect = Extract<Mark, { kind: 'rect' }>;

/** A picture as SVG text, without a browser. The same picture gives the same bytes. */
export function svgOf(picture: Picture, theme: Theme): string {
  const { width, height, label, marks } = picture;
  const hatches = new Map<string, string>();
  const parts: string[] = [];
  for (let i = 0; i < marks.length; i++) {
    const mark = marks[i]!;
    if (mark.kind !== 'rect') {
      parts.push(mark.kind === 'text' ? textOf(mark) : pathOf(mark));
      continue;
    }
    // Thousands of cells look alike: neighbours in the list share one path.
    const alike = [mark];
    for (let next = marks[i + 1]; next?.kind === 'rect' && looksLike(mark, next); next = marks[i + 1]) {
      alike.push(next);
      i++;
    }
    parts.push(rectsOf(alike, hatches));
  }
  const patterns = [...hatches].map(
    ([color, id]) =>
      `<pattern id="${id}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
      `<rect width="1.6" height="5" fill="${color}"/></pattern>`,
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `role="img" aria-label="${escapeXml(label)}" font-family="system-ui, sans-serif">\n` +
    `<title>${escapeXml(label)}</title>\n` +
    (patterns.length > 0 ? `<defs>${patterns.join('')}</defs>\n` : '') +
    `<rect width="${width}" height="${height}" fill="${theme.background}"/>\n${parts.join('\n')}\n</svg>\n`
  );
}

const looksLike = (a: Rect, b: Rect) => a.fill === b.fill && a.hatch === b.hatch && a.stroke === b.stroke;

function rectsOf(rects: readonly Rect[], hatches: Map<string, string>): string {
  const { fill, hatch, stroke } = rects[0]!;
  const path = rects
    .map(
      ({ x, y, width, height }) =>
        `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`,
    )
    .join('');
  const outline = stroke ? ` stroke="${stroke}" stroke-width="2"` : '';
  const body = `<path d="${path}" fill="${fill === 'transparent' ? 'none' : fill}"${outline}/>`;
  if (!hatch) return body;
  // Named by its colour, so that pictures in one document may share their names.
  const id = hatches.get(hatch) ?? `hatch-${hatch.replace(/[^a-z0-9]+/gi, '-').replace(/-$/, '')}`;
  hatches.set(hatch, id);
  return `${body}<path d="${path}" fill="url(#${id})"/>`;
}

function pathOf({ kind, points, color, width = 1, dash }: Extract<Mark, { kind: 'line' | 'area' }>): string {
  let path = '';
  for (let i = 0; i + 1 < points.length; i += 2)
    path += `${i === 0 ? 'M' : 'L'}${round(points[i]!)} ${round(points[i + 1]!)}`;
  if (kind === 'area') return `<path d="${path}Z" fill="${color}"/>`;
  const dashes = dash ? ' stroke-dasharray="4 3"' : '';
  return `<path d="${path}" fill="none" stroke="${color}" stroke-width="${width}" stroke-linejoin="round"${dashes}/>`;
}

function textOf(mark: Extract<Mark, { kind: 'text' }>): string {
  const { x, y, text, fill, size = 11, anchor = 'start', weight } = mark;
  const bold = weight === 'bold' ? ' font-weight="bold"' : '';
  const place = anchor === 'start' ? '' : ` text-anchor="${anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}" fill="${fill}" font-size="${size}"${place}${bold}>${escapeXml(text)}</text>`;
}
