import { join } from 'node:path';
import { UsageError } from '../core/errors.ts';
import type { Recording } from '../trace/recording.ts';
import { OutputFile } from './output-file.ts';

/** Of a figure that fills the width of a page. */
const SIZE = { width: 1000, height: 420 };

/** Writes every view of every run as SVG, at a moment or in the middle; @returns the names of the files. */
export async function writeViews(
  folder: string,
  recordings: readonly Recording[],
  at: number | undefined,
): Promise<string[]> {
  const [{ views }, { svgOf }, { light }, { Replay }] = await Promise.all([
    import('../../viz/views/index.ts'),
    import('../../viz/picture-svg.ts'),
    import('../../viz/theme.ts'),
    import('../trace/replay.ts'),
  ]);
  const files: { file: OutputFile; text: string }[] = [];
  for (const recording of recordings) {
    const { steps, policy } = recording;
    if (steps.count === 0) throw new UsageError(`--svg: ${policy} ran no step; there is nothing to draw`);
    const [from, to] = [steps.time[0]!, steps.end[steps.count - 1]!];
    const time = at ?? (from + to) / 2;
    if (time > to)
      throw new UsageError(`--at: ${policy} was done at ${to.toFixed(3)} s; name an earlier moment`);
    const replay = new Replay(recording);
    const step = replay.stepAt(time);
    const blocks = replay.stateAt(step);
    const pane = { recording, step, blocks, time, window: [from, to] as const, pin: undefined };
    for (const view of views) {
      const file = new OutputFile('--svg', join(folder, `${policy}.${view.name}.svg`), []);
      files.push({ file, text: svgOf(view.draw(pane, SIZE, light), light) });
    }
  }
  for (const { file, text } of files) await file.write(text);
  return files.map(({ file }) => file.path);
}
