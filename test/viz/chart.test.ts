import { describe, expect, test } from 'vitest';
import type { Chart } from '../../src/validation/study.ts';
import { figure } from '../../viz/chart.ts';

const lines: Chart = {
  title: 'OPT-13B & ShareGPT',
  kind: 'lines',
  x: { label: 'requests/s' },
  y: { label: 'latency (s/token)', max: 1 },
  series: [
    { name: 'vllm', points: [[2, 4], [0, 0.1], [1, 0.5]], published: [[1, 0.4], [2, 3]] }, // biome-ignore format: rows
    { name: 'orca-max', points: [[0, 0.2], [1, Number.POSITIVE_INFINITY]] }, // biome-ignore format: rows
  ],
};
const bars: Chart = {
  title: 'Batch',
  kind: 'bars',
  x: { label: 'policy' },
  y: { label: 'requests' },
  series: [{ name: 'simulated', points: [['vllm', 30], ['orca-max', 7]], published: [['vllm', 20]] }], // biome-ignore format: rows
};
const stack: Chart = {
  title: 'Memory',
  kind: 'stack',
  x: { label: '' },
  y: { label: '%', max: 100 },
  series: [
    { name: 'token', points: [['vllm', 96]], published: [['vllm', 90]] },
    { name: 'reserved', points: [['vllm', 4]], published: [['vllm', 10]] },
  ],
};

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(match => match[1]);
const rects = (svg: string) =>
  [
    ...svg.matchAll(/<rect x="([\d.-]+)" y="([\d.-]+)" width="([\d.-]+)" height="([\d.-]+)" fill="(#\w+)"/g),
  ].map(([, x, y, width, height, fill]) => ({
    x: Number(x),
    y: Number(y),
    width: Number(width),
    height: Number(height),
    fill,
  }));
/** The marks of a panel: translate(x y) and style. */
const marks = (svg: string) =>
  [...svg.matchAll(/<path transform="translate\(([\d.-]+) ([\d.-]+)\)" d="[^"]+" (fill="[^>]*)\/>/g)].map(
    ([, x, y, style]) => ({ x: Number(x), y: Number(y), style: style! }),
  );

describe('the figure of a study', () => {
  test('is the same bytes each time', () => {
    expect(figure([lines, bars, stack], 'A study')).toBe(figure([lines, bars, stack], 'A study'));
  });

  test('as it is drawn', async () => {
    await expect(figure([lines, bars, stack], 'A study')).toMatchFileSnapshot('../golden/figure.svg');
  });

  test('is well-formed, with the text escaped and no number that is none', () => {
    const svg = figure([{ ...lines, title: 'a < b & "c"' }, bars, stack], 'x & y');
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    const stackOf: string[] = [];
    for (const [, close, name, own] of svg.matchAll(/<(\/?)([a-zA-Z]+)[^>]*?(\/?)>/g)) {
      if (close) expect(stackOf.pop()).toBe(name);
      else if (!own) stackOf.push(name!);
    }
    expect(stackOf).toEqual([]);
  });

  test('names each series and each axis once', () => {
    const shown = texts(figure([lines], 'A study'));
    for (const text of ['vllm', 'orca-max', 'requests/s', 'latency (s/token)', 'hollow: published'])
      expect(shown.filter(other => other === text)).toHaveLength(1);
  });

  test('a policy has one colour in whatever figure', () => {
    const other: Chart = { ...lines, series: [...lines.series].reverse() };
    for (const chart of [lines, other])
      expect(figure([chart], '')).toMatch(/fill="#0072b2"\/><text[^>]*>vllm</);
    expect(rects(figure([bars], '')).map(({ fill }) => fill)).toContain('#0072b2');
  });

  test('lines are joined in order of x and leave the frame at the cut-off, where nothing is marked', () => {
    const svg = figure([lines], '');
    const path = /<path d="M([^"]+)" fill="none" stroke="#0072b2"/.exec(svg)![1]!;
    const xs = path.split('L').map(point => Number(point.split(',')[0]));
    expect(xs).toEqual([...xs].sort((a, b) => a - b));
    expect(xs).toHaveLength(3);
    expect(svg).toContain('clip-path="url(#plot-0)"');
    expect(marks(svg).filter(({ style }) => style === 'fill="#0072b2"')).toHaveLength(2);
  });

  test('published figures are hollow, at their place', () => {
    const hollow = marks(figure([lines], '')).filter(({ style }) =>
      style.startsWith('fill="#fff" stroke="#0072b2"'),
    );
    expect(hollow).toHaveLength(1);
    const full = marks(figure([lines], '')).find(
      ({ x, style }) => x === hollow[0]!.x && style === 'fill="#0072b2"',
    )!;
    expect(full.y).toBeLessThan(hollow[0]!.y);
  });

  test('a logarithmic axis gives each factor the same room, and skips what has no logarithm', () => {
    const log: Chart = {
      ...lines,
      x: { label: 'block size', log: true },
      y: { label: 's', log: true },
      series: [{ name: 'a', points: [[1, 0.01], [4, 0.1], [16, 1], [64, 0]] }], // biome-ignore format: rows
    };
    const [a, b, c, ...none] = marks(figure([log], ''));
    expect(none).toEqual([]);
    expect(b!.x - a!.x).toBeCloseTo(c!.x - b!.x, 0);
    expect(b!.y - a!.y).toBeCloseTo(c!.y - b!.y, 0);
    expect(texts(figure([log], ''))).toEqual(expect.arrayContaining(['1', '4', '16', '64']));
  });

  test('bars stand at zero and are as high as they say', () => {
    const [vllm, orca] = rects(figure([bars], '')).filter(({ width }) => width > 20);
    expect(vllm!.height / orca!.height).toBeCloseTo(30 / 7, 1);
    expect(vllm!.y + vllm!.height).toBeCloseTo(orca!.y + orca!.height, 0);
    const signed: Chart = { ...bars, series: [{ name: 'error', points: [['a', 5], ['b', -5]] }] }; // biome-ignore format: rows
    const [up, down] = rects(figure([signed], '')).filter(({ width }) => width > 20);
    expect(up!.y + up!.height).toBeCloseTo(down!.y, 0);
    expect(up!.height).toBeCloseTo(down!.height, 0);
  });

  test('stacks lie on each other, the published one hollow beside', () => {
    const [token, hollowToken, reserved] = rects(figure([stack], '')).filter(({ width }) => width > 20);
    expect(reserved!.y + reserved!.height).toBeCloseTo(token!.y, 0);
    expect(reserved!.x).toBe(token!.x);
    expect(hollowToken).toMatchObject({ fill: '#fff' });
    expect(hollowToken!.x).toBeGreaterThan(token!.x + token!.width - 1);
  });

  test('lines that all end at the right are named there, and not in the legend', () => {
    const open: Chart = { ...lines, y: { label: 's' }, series: lines.series.map(one => ({ ...one, points: [[0, 1], [1, 1.01]] as const })) }; // biome-ignore format: rows
    const svg = figure([open], '');
    expect(texts(svg).filter(text => text === 'vllm')).toHaveLength(1);
    const [a, b] = ['vllm', 'orca-max'].map(name =>
      Number(new RegExp(`y="([\\d.]+)" fill="#\\w+">${name}<`).exec(svg)![1]),
    );
    expect(Math.abs(a! - b!)).toBeGreaterThanOrEqual(13);
  });

  test('many names are slanted instead of run together', () => {
    const many: Chart = {
      ...bars,
      series: [{ name: 'a', points: Array.from({ length: 20 }, (_, i) => [`policy number ${i}`, i]) }],
    };
    expect(figure([many], '')).toContain('rotate(-35)');
    expect(figure([bars], '')).not.toContain('rotate');
  });

  test('a series of marks alone is named with its mark; figures that nobody published are not called so', () => {
    const scatter: Chart = {
      ...lines,
      y: { label: 's' },
      series: [
        { name: 'measured', points: [], published: [[1, 1.1], [2, 1.9]] }, // biome-ignore format: rows
        { name: 'predicted = measured', points: [[1, 1], [2, 2]] }, // biome-ignore format: rows
      ],
    };
    const svg = figure([scatter], '');
    expect(texts(svg)).not.toContain('hollow: published');
    expect(svg).toMatch(
      /<path d="[^"]*" fill="#fff" stroke="#\w+" stroke-width="1.6"\/><text[^>]*>measured</,
    );
    // The rule to read them by: dashed, and no mark of its own.
    expect(svg).toMatch(/stroke-dasharray="4 3"\/><text[^>]*>predicted = measured</);
    expect(marks(svg)).toHaveLength(2);
    expect(marks(svg).every(({ style }) => style.startsWith('fill="#fff"'))).toBe(true);
  });

  test('bars that are alone in their panels are in no legend: the title says what they are', () => {
    expect(
      texts(figure([lines, { ...bars, series: [{ ...bars.series[0]!, points: [['a', 1]] }] }], '')),
    ).not.toContain('simulated');
    const two: Chart = { ...bars, series: [...bars.series, { name: 'other', points: [['vllm', 3]] }] };
    expect(texts(figure([two], ''))).toContain('simulated');
  });

  test('a logarithmic axis says so', () => {
    const log: Chart = { ...lines, x: { label: 'size', log: true }, y: { label: '', log: true } };
    expect(texts(figure([log], ''))).toEqual(expect.arrayContaining(['size, log scale', 'log scale']));
  });

  test('every bar has its figure, or none has; where a mark lies on a bar, both have theirs side by side', () => {
    const low: Chart = {
      ...bars,
      series: [{ name: 'a', points: [['x', 7], ['y', 125]], published: [['x', 7], ['y', 132]] }], // biome-ignore format: rows
    };
    const placed = [...figure([low], '').matchAll(/<text x="([\d.]+)" [^>]*font-size="10"[^>]*>([^<]*)</g)];
    expect(placed.map(([, , text]) => text)).toEqual(['7', '125', '7', '132']);
    const [seven, , published] = placed.map(([, x]) => Number(x));
    expect(published! - seven!).toBeGreaterThan(20);
    const many = Array.from({ length: 14 }, (_, i): [string, number] => [`n${i}`, i === 0 ? 5 : 12345]);
    const crowded: Chart = {
      ...bars,
      series: [
        { name: 'a', points: many },
        { name: 'b', points: many },
      ],
    };
    const short: Chart = { ...crowded, title: 'other' };
    expect(texts(figure([crowded, short], '')).filter(text => text === '12,345')).toEqual([]);
    expect(texts(figure([crowded, short], '')).filter(text => text === '5')).toEqual([]);
  });

  test('slanted names lie on the panel, and do not run into each other', () => {
    const named = (count: number): Chart => ({
      ...bars,
      title: `${count} names`,
      series: [{ name: 'a', points: Array.from({ length: count }, (_, i) => [`rtx_pro_6000 vllm ${i}`, 1]) }],
    });
    const svg = figure([named(32), named(9), named(9)], '');
    const panels = svg.split(/<g transform="translate\((?=[\d. ]+\)"><text x="0")/).slice(1);
    expect(panels).toHaveLength(3);
    for (const panel of panels) {
      const ends = [
        ...panel.matchAll(/translate\(([\d.]+) [\d.]+\) rotate\(-35\)" text-anchor="end">([^<]+)</g),
      ].map(([, x, text]) => ({ x: Number(x), width: text!.length * 11 * 0.56 }));
      expect(ends.length).toBeGreaterThan(8);
      // They begin on the panel, and neighbours are a line of text apart.
      expect(Math.min(...ends.map(({ x, width }) => x - width * Math.cos(0.61)))).toBeGreaterThanOrEqual(-1);
      for (const [i, { x }] of ends.slice(1).entries()) {
        expect((x - ends[i]!.x) * Math.sin(0.61)).toBeGreaterThan(11);
      }
    }
    // The one with many names has a row to itself.
    const places = [...svg.matchAll(/translate\(([\d.]+) ([\d.]+)\)"><text x="0"/g)].map(([, x, y]) => [
      x,
      y,
    ]);
    expect(places[0]![1]).not.toBe(places[1]![1]);
    expect(places[1]![1]).toBe(places[2]![1]);
  });

  test.each([
    ['no series', { ...lines, series: [] }],
    ['no points', { ...lines, series: [{ name: 'a', points: [] }] }],
    ['one point', { ...lines, series: [{ name: 'a', points: [[1, 1]] }] }],
    ['only zeros', { ...bars, series: [{ name: 'a', points: [['x', 0]] }] }],
    ['no numbers', { ...lines, series: [{ name: 'a', points: [[1, Number.NaN]] }] }],
    ['no logarithm', { ...lines, y: { label: '', log: true }, series: [{ name: 'a', points: [[1, 0]] }] }],
    ['only published', { ...stack, series: [{ name: 'a', points: [], published: [['x', 4]] }] }],
  ] as [string, Chart][])('draws a chart of %s', (_, chart) => {
    expect(figure([chart], 'A study')).not.toMatch(/NaN|undefined|Infinity/);
  });
});
