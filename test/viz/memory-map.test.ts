import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Recording } from '../../src/trace/recording.ts';
import { Replay } from '../../src/trace/replay.ts';
import { svgOf } from '../../viz/picture-svg.ts';
import { light } from '../../viz/theme.ts';
import { cellGrid } from '../../viz/views/cell-grid.ts';
import { recorded } from '../trace/runs.ts';
import { pagedRecording, paneOf, rectsOf, small, staticRecording, view } from './support.ts';

describe('the memory map', () => {
  const map = view('memory-map');

  test('cells tile the area without gap or overlap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12_000 }),
        fc.integer({ min: 60, max: 1200 }),
        fc.integer({ min: 60, max: 600 }),
        (blocks, width, height) => {
          const { x, y, columns, rows, cells, perCell } = cellGrid(blocks, 48, 30, { width, height });
          expect(cells * perCell).toBeGreaterThanOrEqual(blocks);
          expect(columns * rows).toBeGreaterThanOrEqual(cells);
          expect((rows - 1) * columns).toBeLessThan(cells);
          expect([x[0], x[columns], y[0], y[rows]]).toEqual([48, 48 + width, 30, 30 + height]);
          for (let i = 0; i < columns; i++) expect(x[i + 1]! - x[i]!).toBeGreaterThanOrEqual(1);
          for (let i = 0; i < rows; i++) expect(y[i + 1]! - y[i]!).toBeGreaterThanOrEqual(1);
        },
      ),
    );
  });

  test('10,000 blocks, each of another owner than its neighbours, cover the area exactly', () => {
    const paged = pagedRecording();
    const numBlocks = 10_000;
    const recording: Recording = { ...paged, memory: { ...paged.memory, numBlocks } };
    const blocks = {
      owner: Int32Array.from({ length: numBlocks }, (_, i) => (i * 7) % 5),
      refs: new Uint16Array(numBlocks).fill(1),
      filled: Uint16Array.from({ length: numBlocks }, (_, i) => 1 + (i % 4)),
      since: new Int32Array(numBlocks),
      unused: new Uint16Array(numBlocks),
    };
    const size = { width: 456, height: 341 };
    const drawn = rectsOf(map.draw({ ...paneOf(paged, 0), recording, blocks }, size, light));
    const [left, right] = [48, 448];
    const cells = drawn.filter(({ x, width, y }) => x >= left && x + width <= right && y > 30);
    const top = Math.min(...cells.map(({ y }) => y));
    const bottom = Math.max(...cells.map(({ y, height }) => y + height));
    const { columns, rows, gap, x, y } = cellGrid(numBlocks, left, top, {
      width: right - left,
      height: bottom - top,
    });
    expect(gap).toBe(0);
    const inLastRow = numBlocks - (rows - 1) * columns;
    const missing = (right - x[inLastRow]!) * (y[rows]! - y[rows - 1]!);
    expect(cells.reduce((sum, { width, height }) => sum + width * height, 0)).toBe(
      (right - left) * (bottom - top) - missing,
    );
  });

  test('colours say which slots hold KV, are reserved, and are waste', () => {
    const recording = staticRecording();
    const drawn = rectsOf(map.draw(paneOf(recording, 4), { width: 1000, height: 600 }, light));
    const cells = drawn.filter(({ height }) => height > 100);
    const area = (fill: string) =>
      cells.filter(cell => cell.fill === fill).reduce((sum, { width }) => sum + width, 0);
    const { usage } = recording.steps;
    const share = (kind: keyof typeof usage) => usage[kind][4]! / recording.memory.capacity;
    const whole = cells.reduce((sum, { width }) => sum + width, 0);
    for (const kind of ['reserved', 'internal', 'external'] as const) {
      expect(share(kind)).toBeGreaterThan(0.04);
      expect(area(light.kinds[kind]) / whole).toBeCloseTo(share(kind), 1);
    }
    expect(area(light.owner(1)) / whole).toBeCloseTo(share('token'), 1);
  });

  test('the copy that a padded tensor grows by lies at the end, as large as it is', async () => {
    const recording = await recorded({ policy: ['hf-static'], model: 'opt-13b', gpu: 'a100-40g', workload: 'lognormal', num_prompts: 6, input_len: 20, output_len: 30, kv_slots: 600, max_model_len: 128, seed: 1 }, 'hf-static'); // biome-ignore format: rows
    const { external, free } = recording.steps.usage;
    const step = external.findIndex((slots, i) => slots > 60 && free[i]! > 0);
    expect(step).toBeGreaterThan(0);
    const size = { width: 1200, height: 600 };
    const pane = paneOf(recording, step);
    const drawn = rectsOf(map.draw(pane, size, light)).filter(
      ({ width, height }) => width > 12 && height > 12,
    );
    const count = (fill: string) => drawn.filter(cell => cell.fill === fill).length;
    expect(count(light.kinds.external)).toBe(external[step]);
    expect(count(light.kinds.free)).toBe(free[step]);
    const { x, y } = drawn.findLast(({ fill }) => fill === light.kinds.external)!;
    expect(map.at(pane, size, x + 3, y + 3)!.text[1]).toContain('copy of the tensor');
  });

  test('free memory is hatched while the next request finds none of it of use', async () => {
    const recording = await recorded({ policy: ['orca-max'], model: 'opt-13b', gpu: 'a100-40g', workload: 'lognormal', num_prompts: 9, input_len: 20, output_len: 30, kv_slots: 1600, max_model_len: 512, seed: 1 }, 'orca-max'); // biome-ignore format: rows
    const { external, free } = recording.steps.usage;
    const hatched = (step: number) =>
      rectsOf(map.draw(paneOf(recording, step), small, light)).filter(({ fill, hatch, width }) => fill === light.kinds.free && hatch && width > 9).length; // biome-ignore format: rows
    const waits = external.findIndex((slots, i) => slots > 0 && free[i] === 0);
    expect(waits).toBeGreaterThanOrEqual(0);
    expect(hatched(waits)).toBeGreaterThan(0);
    expect(hatched(free.findIndex(slots => slots > 0))).toBe(0);
  });

  test('a block with two holders is hatched, and so is a cached one', () => {
    const drawn = rectsOf(map.draw(paneOf(pagedRecording(), 4), small, light)).filter(({ hatch, width }) => hatch && width > 20); // biome-ignore format: rows
    expect(drawn.map(({ fill }) => fill)).toEqual([light.owner(0), light.owner(0), light.kinds.cached, light.kinds.cached]); // biome-ignore format: rows
  });

  test('the middle of a cell is its block, wherever', async () => {
    for (const size of [small, { width: 360, height: 160 }, { width: 1200, height: 600 }]) {
      const pane = paneOf(pagedRecording(), 4);
      for (let block = 0; block < 10; block++) {
        const chosen = map.draw({ ...pane, pin: { kind: 'block', block } }, size, light);
        const [outline, ...others] = rectsOf(chosen).filter(({ stroke }) => stroke);
        expect(others).toEqual([]);
        const { x, y, width, height } = outline!;
        expect(map.at(pane, size, x + width / 2, y + height / 2)?.pin).toEqual({ kind: 'block', block });
      }
      expect(map.at(pane, size, 2, 2)).toBeUndefined();
    }
  });

  test('explains a block', () => {
    const pane = paneOf(pagedRecording(), 4);
    const words = (block: number) => {
      for (let y = 30; y < small.height; y += 4) {
        for (let x = 50; x < small.width; x += 4) {
          const hit = map.at(pane, small, x, y);
          if (hit?.pin?.kind === 'block' && hit.pin.block === block) return hit.text;
        }
      }
      return undefined;
    };
    expect(words(0)).toEqual([
      'block 0 · request 0, shared',
      '4 of 4 slots hold KV',
      'held by 2 sequences:',
      'logical block 0 of request 0',
      'logical block 0 of request 2',
      'so for 2 steps, 64.0 ms',
    ]);
    expect(words(5)).toEqual([
      'block 5 · request 2',
      '3 of 4 slots hold KV',
      '1 internal: its request will never use them',
      'logical block 2 of request 2',
      'since this step',
    ]);
    expect(words(7)).toContain('3 reserved: its request will use them');
    expect(words(2)![0]).toBe('block 2 · free, cached');
    expect(words(9)).toEqual(['block 9 · free', 'so for 4 steps, 146 ms']);
  });

  test('outlines all blocks of a pinned request, the shared ones too', () => {
    const outlined = (request: number) =>
      rectsOf(map.draw(paneOf(pagedRecording(), 4, { kind: 'request', request }), small, light)).filter(({ stroke }) => stroke); // biome-ignore format: rows
    // Blocks 0 and 1 together, and block 5.
    expect(outlined(2)).toHaveLength(2);
    expect(outlined(1)).toHaveLength(0);
  });
});

test('a replay that moves on does not change a picture that was drawn', () => {
  const recording = pagedRecording();
  const replay = new Replay(recording);
  const pane = { ...paneOf(recording, 1), blocks: replay.stateAt(1) };
  const picture = view('memory-map').draw(pane, small, light);
  const before = svgOf(picture, light);
  replay.stateAt(7);
  expect(svgOf(picture, light)).toBe(before);
});
