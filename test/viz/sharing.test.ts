import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CACHED, type Recording } from '../../src/trace/recording.ts';
import { Replay } from '../../src/trace/replay.ts';
import type { Mark, Pane, Picture } from '../../viz/picture.ts';
import { svgOf } from '../../viz/picture-svg.ts';
import { dark, light, sharedHatch, themes } from '../../viz/theme.ts';
import { sharing } from '../../viz/views/sharing.ts';
import { layoutOf } from '../../viz/views/sharing-layout.ts';
import { tablesAt } from '../../viz/views/sharing-tables.ts';
import { treeOf } from '../../viz/views/sharing-tree.ts';
import { recorded, recordingArbitrary } from '../trace/runs.ts';
import { pagedRecording, paneOf, rectsOf, small, staticRecording, textsOf } from './support.ts';

const base = { model: 'llama-13b', gpu: 'a100-40g', seed: 1 } as const;
/** Three requests behind one system prompt. */
const prefix = () => recorded({ ...base, policy: ['vllm'], workload: 'shared-prefix', prefix_groups: 1, prefix_len: 64, input_len: 40, output_len: 60, num_prompts: 3, request_rate: 20 }, 'vllm'); // biome-ignore format: rows
/** Two requests of four samples. */
const samples = () => recorded({ ...base, policy: ['vllm'], workload: 'lognormal', n: 4, input_len: 40, output_len: 60, num_prompts: 2, request_rate: 20 }, 'vllm'); // biome-ignore format: rows
const alone = () => recorded({ ...base, policy: ['vllm-v0'], workload: 'lognormal', input_len: 100, output_len: 60, num_prompts: 4 }, 'vllm-v0'); // biome-ignore format: rows
/** More tables than rows: eight system prompts, all at once. */
const crowd = () => recorded({ ...base, policy: ['vllm'], workload: 'shared-prefix', prefix_groups: 8, prefix_len: 64, input_len: 40, output_len: 60, num_prompts: 120 }, 'vllm'); // biome-ignore format: rows

const lastCopy = ({ decisions }: Recording) => decisions.filter(({ type }) => type === 'copied').at(-1)!;

describe('as it is drawn', () => {
  const cases = {
    prefix: [prefix, ({ steps }: Recording) => steps.count >> 1],
    samples: [samples, (recording: Recording) => lastCopy(recording).step + 1],
    none: [alone, ({ steps }: Recording) => steps.count >> 2],
  } as const;
  const all = Object.keys(cases).flatMap(name =>
    Object.values(themes).map(theme => [name as keyof typeof cases, theme] as const),
  );

  test.each(all)('%s', async (name, theme) => {
    const [run, step] = cases[name];
    const recording = await run();
    const svg = svgOf(sharing.draw(paneOf(recording, step(recording)), small, theme), theme);
    await expect(svg).toMatchFileSnapshot(`golden/sharing-${name}.${theme.name}.svg`);
  });
});

describe('any run of any policy', () => {
  const sizes = [{ width: 360, height: 160 }, { width: 1200, height: 600 }, { width: 523, height: 211 }]; // biome-ignore format: rows

  test('is drawn inside its size, with no text on another, and can be pointed at', async () => {
    await fc.assert(
      fc.asyncProperty(recordingArbitrary(), fc.nat(), async (run, at) => {
        const recording = await run();
        const step = recording.steps.count > 0 ? at % recording.steps.count : 0;
        const request = at % Math.max(1, recording.requests.length);
        for (const size of sizes) {
          for (const pin of [
            undefined,
            { kind: 'request', request } as const,
            { kind: 'block', block: at % 40 } as const,
          ]) {
            const picture = sharing.draw(paneOf(recording, step, pin), size, dark);
            expect(outside(picture)).toEqual([]);
            expect(overlapping(picture)).toEqual([]);
          }
          for (let x = 1; x < size.width; x += 37)
            sharing.at(paneOf(recording, step), size, x, size.height / 2);
        }
      }),
      { numRuns: 25 },
    );
  });

  test('its tables are those of the replay, and what is counted is in them', async () => {
    await fc.assert(
      fc.asyncProperty(recordingArbitrary(), fc.nat(), async (run, at) => {
        const recording = await run();
        if (recording.steps.count === 0) return;
        const step = at % recording.steps.count;
        const replay = new Replay(recording);
        const expected = recording.requests.flatMap((_, request) =>
          replay
            .sequencesAt(request, step)
            .map(sequence => ({ request, sequence, blocks: replay.tableAt(request, sequence, step) })),
        );
        expect(tablesAt(recording, step)).toEqual(expected);
        const named = expected.flatMap(({ blocks }) => blocks.filter(block => block >= 0));
        const { counts } = layoutOf(paneOf(recording, step), small);
        expect(counts).toEqual({ tables: expected.length, held: new Set(named).size, alone: named.length });
      }),
      { numRuns: 25 },
    );
  });

  test('the branches on the way to a table are its blocks, and no block is in two that begin alike', () => {
    // Beginnings of a few paths, which is what prefixes are.
    const tables = fc.array(
      fc
        .array(fc.nat(2), { minLength: 1, maxLength: 6 })
        .map(path => path.map((_, i) => path.slice(0, i + 1).reduce((sum, way) => sum * 3 + way + 1, 0))),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(tables, all => {
        const { rows, branches } = treeOf(all.map((blocks, request) => ({ request, sequence: 0, blocks })));
        expect([...rows].map(({ request }) => request).sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
        for (const [row, { blocks }] of rows.entries()) {
          const way = branches
            .filter(({ first, last }) => row >= first && row < last)
            .sort((a, b) => a.from - b.from);
          expect(way.flatMap(branch => branch.blocks.slice(branch.from, branch.to))).toEqual(blocks);
        }
        const drawn = branches.flatMap(({ blocks, from, to }) => blocks.slice(from, to));
        expect(new Set(drawn).size).toBe(drawn.length);
      }),
    );
  });
});

describe('what is shared', () => {
  test('is drawn once, as tall as the tables that hold it are many, and says what it saves', async () => {
    const recording = await prefix();
    const pane = paneOf(recording, recording.steps.count >> 1);
    const picture = sharing.draw(pane, small, light);
    const shared = rectsOf(picture).filter(({ hatch, height }) => hatch === sharedHatch && height > 20);
    const { pitch, counts } = layoutOf(pane, small);
    expect(counts.tables).toBe(3);
    expect(shared.map(({ height }) => Math.round(height))).toEqual(Array(4).fill(Math.round(3 * pitch - 1)));
    const saved = Math.round((1 - counts.held / counts.alone) * 100);
    expect(textsOf(picture)[0]).toBe(`${counts.held} blocks held by 3 tables would be ${counts.alone} without sharing: ${saved} % saved`); // biome-ignore format: rows
    expect(picture.label).toContain(textsOf(picture)[0]);
  });

  test('is explained and pinned: a block by who shares it, a run and a name by their request', async () => {
    const recording = await prefix();
    const pane = paneOf(recording, recording.steps.count >> 1);
    const { left, top, pitch, right } = layoutOf(pane, small);
    const block = sharing.at(pane, small, left + 5, top + pitch * 1.5)!;
    expect(block.pin).toEqual({ kind: 'block', block: 0 });
    expect(block.text).toContain('held by 3 sequences:');
    const run = sharing.at(pane, small, right - 5, top + pitch * 1.5)!;
    expect(run.pin).toEqual({ kind: 'request', request: 1 });
    expect(run.text[0]).toMatch(/^\d+ blocks of request 1 alone$/);
    expect(run.text[2]).toMatch(/^\d+ tokens in \d+ slots$/);
    const name = sharing.at(pane, small, 12, top + pitch * 2.5)!;
    expect(name.pin).toEqual({ kind: 'request', request: 2 });
    expect(sharing.at(pane, small, right - 5, top + pitch * 2.5)).toBeUndefined();
    expect(sharing.at(pane, small, 20, 10)).toBeUndefined();
  });

  test('a block that was copied before it was written says of which, for a few steps', async () => {
    const recording = await samples();
    const { step, reason } = lastCopy(recording);
    const [, from, to] = /^block (\d+) is shared: copied to block (\d+)/.exec(reason)!;
    const own = (at: number) => {
      const pane = paneOf(recording, at, { kind: 'block', block: Number(to) });
      const { marks } = sharing.draw(pane, small, light);
      const [{ x, y, width, height }] = rectsOf({ marks } as Picture).filter(({ stroke }) => stroke) as [
        Rect,
      ];
      const wedge = marks.some(mark => mark.kind === 'area' && mark.points[0] === x && mark.points[1] === y);
      return { wedge, words: sharing.at(pane, small, x + width / 2, y + height / 2)!.text };
    };
    for (const at of [step, step + 7]) {
      expect(own(at).wedge).toBe(true);
      expect(own(at).words[1]).toBe(`copied: was block ${from}, which others still read`);
    }
    expect(own(step + 8).wedge).toBe(false);
    expect(own(step + 8).words.join()).not.toContain('copied');
    expect(textsOf(sharing.draw(paneOf(recording, step), small, light)).some(words => words.endsWith(`was ${from}`))).toBe(true); // biome-ignore format: rows
  });

  test('the outline of a pinned block is where it is pointed at', async () => {
    const recording = await prefix();
    const step = recording.steps.count >> 1;
    const pane = paneOf(recording, step, { kind: 'block', block: 2 });
    const [outline, ...others] = rectsOf(sharing.draw(pane, small, light)).filter(({ stroke }) => stroke);
    expect(others).toEqual([]);
    const { x, y, width, height } = outline!;
    expect(sharing.at(pane, small, x + width / 2, y + height / 2)?.pin).toEqual(pane.pin);
  });
});

describe('what is not there is said', () => {
  test('nothing shared: what would have to be on', async () => {
    const recording = await alone();
    const texts = textsOf(sharing.draw(paneOf(recording, 3), { width: 900, height: 240 }, light));
    expect(texts[0]).toMatch(/^\d+ blocks held by 4 tables: nothing is shared$/);
    expect(texts[1]).toMatch(/^prefix caching.*\(n > 1\) would share$/);
    expect(texts.filter(words => /^\d+ blocks$/.test(words))).toHaveLength(4);
    const reserved = sharing.draw(paneOf(staticRecording(), 4), { width: 900, height: 240 }, light);
    expect(textsOf(reserved)[1]).toContain('only blocks of paged memory can be shared');
  });

  test('no tables at all', () => {
    const recording = pagedRecording();
    const none: Recording = { ...recording, steps: { ...recording.steps, count: 0 } };
    const pane: Pane = { ...paneOf(recording, 4), recording: none, step: 0 };
    expect(textsOf(sharing.draw(pane, small, light))[0]).toBe('no table holds memory now');
    expect(sharing.at(pane, small, 100, 100)).toBeUndefined();
  });

  test('more tables than rows: those that share most, and the pinned', async () => {
    const recording = await crowd();
    const step = recording.steps.running.lastIndexOf(120);
    expect(step).toBeGreaterThanOrEqual(0);
    const count = ({ marks }: Picture) =>
      textsOf({ marks } as Picture).find(words => words.includes(' of 120 tables'));
    expect(count(sharing.draw(paneOf(recording, step), small, light))).toBe(
      '45 of 120 tables, those that share most',
    );
    expect(count(sharing.draw(paneOf(recording, step), { width: 900, height: 800 }, light))).toBeUndefined();
    for (const request of [0, 55, 119]) {
      const { tree } = layoutOf(paneOf(recording, step, { kind: 'request', request }), small);
      expect(tree.rows.some(table => table.request === request)).toBe(true);
      expect(tree.rows).toHaveLength(45);
    }
  });

  test('what ended requests left in the cache hangs where their tables parted', async () => {
    const recording = await prefix();
    const step = recording.steps.count - 1;
    const pane = paneOf(recording, step);
    const { tree, cached, counts } = layoutOf(pane, small);
    expect(counts.tables).toBe(1);
    expect([...cached].map(({ request }) => request).sort()).toHaveLength(2);
    for (const table of cached) {
      expect(table.blocks.slice(0, 4)).toEqual(tree.rows[0]!.blocks.slice(0, 4));
      expect(table.blocks.slice(4).every(block => pane.blocks.owner[block] === CACHED)).toBe(true);
    }
    const grey = rectsOf(sharing.draw(pane, small, light)).filter(({ fill, height, hatch }) => fill === light.kinds.cached && hatch && height > 20); // biome-ignore format: rows
    expect(grey.length).toBeGreaterThanOrEqual(2);
  });
});

type Rect = Extract<Mark, { kind: 'rect' }>;

/** How far a mark reaches; a text by a narrow guess, for fonts differ. */
function boxOf(mark: Mark): [x0: number, y0: number, x1: number, y1: number] {
  if (mark.kind === 'rect') return [mark.x, mark.y, mark.x + mark.width, mark.y + mark.height];
  if (mark.kind === 'text') {
    const width = mark.text.length * 11 * 0.58;
    const x = mark.anchor === 'end' ? mark.x - width : mark.anchor === 'middle' ? mark.x - width / 2 : mark.x;
    return [x, mark.y - 8.8, x + width, mark.y + 2.75];
  }
  const [xs, ys] = [mark.points.filter((_, i) => i % 2 === 0), mark.points.filter((_, i) => i % 2 === 1)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function outside({ marks, width, height }: Picture): Mark[] {
  return marks.filter(mark => {
    const box = boxOf(mark);
    const [x0, y0, x1, y1] = box;
    if (!box.every(Number.isFinite) || x1 < x0 || y1 < y0) return true;
    return Math.min(x0, y0) < -0.5 || x1 > width + 0.5 || y1 > height + 0.5;
  });
}

function overlapping({ marks }: Picture): string[] {
  const texts = marks.flatMap(mark => (mark.kind === 'text' ? [{ text: mark.text, box: boxOf(mark) }] : []));
  return texts.flatMap(({ text, box: [a0, b0, a1, b1] }, i) =>
    texts
      .slice(i + 1)
      .filter(({ box: [c0, d0, c1, d1] }) => Math.min(a1, c1) - Math.max(a0, c0) > 1 && Math.min(b1, d1) - Math.max(b0, d0) > 1) // biome-ignore format: rows
      .map(other => `"${text}" on "${other.text}"`),
  );
}
