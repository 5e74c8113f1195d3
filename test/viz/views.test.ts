import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Recording } from '../../src/trace/recording.ts';
import type { Mark, Picture, Pin, Size } from '../../viz/picture.ts';
import { svgOf } from '../../viz/picture-svg.ts';
import { dark, light, themes } from '../../viz/theme.ts';
import { views } from '../../viz/views/index.ts';
import { recordingArbitrary } from '../trace/runs.ts';
import { pagedRecording, paneOf, small, staticRecording, view } from './support.ts';

/** How far a mark reaches; a text by a narrow guess, for fonts differ. */
function boxOf(mark: Mark): [x0: number, y0: number, x1: number, y1: number] {
  if (mark.kind === 'rect') return [mark.x, mark.y, mark.x + mark.width, mark.y + mark.height];
  if (mark.kind === 'text') {
    const size = mark.size ?? 11;
    const width = mark.text.length * size * 0.58;
    const x = mark.anchor === 'end' ? mark.x - width : mark.anchor === 'middle' ? mark.x - width / 2 : mark.x;
    return [x, mark.y - size * 0.8, x + width, mark.y + size * 0.25];
  }
  const [xs, ys] = [mark.points.filter((_, i) => i % 2 === 0), mark.points.filter((_, i) => i % 2 === 1)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** What of a picture reaches beyond it, has no place, or is too small to read. */
function outside({ marks, width, height }: Picture): Mark[] {
  return marks.filter(mark => {
    if (mark.kind !== 'rect' && mark.kind !== 'text' && mark.points.length === 0) return false;
    const box = boxOf(mark);
    const [x0, y0, x1, y1] = box;
    if (!box.every(Number.isFinite) || (mark.kind === 'text' && (mark.size ?? 0) < 11)) return true;
    return Math.min(x0, y0) < -0.5 || x1 > width + 0.5 || y1 > height + 0.5;
  });
}

/** Texts that lie on one another. */
function overlapping({ marks }: Picture): string[] {
  const texts = marks.flatMap(mark => (mark.kind === 'text' ? [{ text: mark.text, box: boxOf(mark) }] : []));
  return texts.flatMap(({ text, box: [a0, b0, a1, b1] }, i) =>
    texts
      .slice(i + 1)
      .filter(
        ({ box: [c0, d0, c1, d1] }) =>
          Math.min(a1, c1) - Math.max(a0, c0) > 1 && Math.min(b1, d1) - Math.max(b0, d0) > 1,
      )
      .map(other => `"${text}" on "${other.text}"`),
  );
}

describe('as they are drawn', () => {
  const pins: Record<string, Pin> = {
    'memory-map': { kind: 'block', block: 4 },
    timeline: { kind: 'request', request: 3 },
  };
  const cases = views.flatMap(({ name }) => Object.values(themes).map(theme => [name, theme] as const));

  test.each(cases)('%s', async (name, theme) => {
    const picture = view(name).draw(paneOf(pagedRecording(), 4, pins[name]), small, theme);
    await expect(svgOf(picture, theme)).toMatchFileSnapshot(`golden/${name}.${theme.name}.svg`);
  });

  test.each(views.map(({ name }) => name))('%s of a static batch', async name => {
    const picture = view(name).draw(paneOf(staticRecording(), 4), small, light);
    await expect(svgOf(picture, light)).toMatchFileSnapshot(`golden/${name}.static.svg`);
  });
});

describe('every picture', () => {
  const sizes: Size[] = [
    { width: 360, height: 160 },
    { width: 1200, height: 600 },
    { width: 523, height: 211 },
  ];

  test('lies inside its size, with no text on another, for any run of any policy', async () => {
    const anyPin = (recording: Recording, at: number): Pin | undefined =>
      [
        undefined,
        { kind: 'block', block: at % Math.max(1, recording.memory.numBlocks) } as const,
        { kind: 'request', request: at % Math.max(1, recording.requests.length) } as const,
        { kind: 'decision', decision: at % Math.max(1, recording.decisions.length) } as const,
      ][at % 4];
    await fc.assert(
      fc.asyncProperty(
        recordingArbitrary(),
        fc.nat(),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        async (run, at, zoom) => {
          const recording = await run();
          const { count, time, end } = recording.steps;
          const step = count > 0 ? at % count : 0;
          const from = (time[step] ?? 0) * (1 - zoom);
          const window = [from, from + ((end[count - 1] ?? 1) - from) * zoom] as const;
          for (const shown of [undefined, window]) {
            const pane = paneOf(recording, step, anyPin(recording, at), shown);
            for (const size of sizes) {
              for (const one of views) {
                const picture = one.draw(pane, size, dark);
                const name = `${one.name} ${size.width}×${size.height}`;
                expect(outside(picture), name).toEqual([]);
                expect(overlapping(picture), name).toEqual([]);
                one.at(pane, size, size.width * zoom, size.height / 2);
              }
            }
          }
        },
      ),
      { numRuns: 25 },
    );
  });

  test('is the same the second time, and of another window another', () => {
    const recording = pagedRecording();
    for (const one of views) {
      const drawn = svgOf(one.draw(paneOf(recording, 3), small, light), light);
      one.draw(paneOf(recording, 3, undefined, [0.05, 0.1]), small, light);
      one.draw(paneOf(recording, 3), { width: 700, height: 300 }, dark);
      expect(svgOf(one.draw(paneOf(recording, 3), small, light), light)).toBe(drawn);
      if (one.name === 'memory-map' || one.name === 'sharing') continue;
      expect(svgOf(one.draw(paneOf(recording, 3, undefined, [0.05, 0.1]), small, light), light)).not.toBe(
        drawn,
      );
    }
  });

  test('says in words what it shows', () => {
    for (const one of views)
      expect(one.draw(paneOf(pagedRecording(), 4), small, light).label).toMatch(/step 4\D/);
  });

  test('of a run in which nothing ran has its axes', () => {
    const { steps, ...rest } = pagedRecording();
    const none: Recording = {
      ...rest,
      steps: { ...steps, count: 0 },
      requests: [],
      decisions: [],
    };
    const blocks = { owner: new Int32Array(10).fill(-1), refs: new Uint16Array(10), filled: new Uint16Array(10), since: new Int32Array(10), unused: new Uint16Array(10) }; // biome-ignore format: rows
    const pane = { recording: none, step: 0, blocks, time: 0, window: [0, 0] as const, pin: undefined };
    for (const one of views) {
      expect(outside(one.draw(pane, small, light)), one.name).toEqual([]);
      expect(svgOf(one.draw(pane, small, light), light)).not.toMatch(/NaN|undefined|Infinity/);
      one.at(pane, small, 200, 100);
    }
  });

  test('as SVG is well-formed, with the text escaped', () => {
    const mark = { kind: 'text', x: 1, y: 2, text: 'a < b & "c"', fill: '#000' } as const;
    const svg = svgOf({ width: 10, height: 10, label: 'x & y', marks: [mark] }, light);
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).toContain('<title>x &amp; y</title>');
    for (const one of views) {
      const open: string[] = [];
      const text = svgOf(one.draw(paneOf(pagedRecording(), 4), small, light), light);
      for (const [, close, name, own] of text.matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
        if (close) expect(open.pop()).toBe(name);
        else if (!own) open.push(name!);
      }
      expect(open).toEqual([]);
    }
  });
});
