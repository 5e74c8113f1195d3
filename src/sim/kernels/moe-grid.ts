import { bracket, Line, tierOf, worse } from './grid.ts';
import type { KernelTime } from './kernel-tables.ts';

/** A whole MoE block by rows and by the distinct experts that they choose, linear in both. */
export class MoeGrid {
  readonly #rows: readonly number[];
  readonly #byRows: readonly Line[];

  constructor(points: readonly (readonly [rows: number, experts: number, seconds: number])[]) {
    const groups = new Map<number, [number, number][]>();
    for (const [rows, experts, seconds] of points) {
      const group = groups.get(rows);
      if (group) group.push([experts, seconds]);
      else groups.set(rows, [[experts, seconds]]);
    }
    this.#rows = [...groups.keys()].sort((a, b) => a - b);
    this.#byRows = this.#rows.map(rows => new Line(groups.get(rows)!));
  }

  read(rows: number, experts: number): KernelTime {
    const at = bracket(this.#rows, rows);
    const lower = this.#byRows[at.lower]!.read(experts);
    const upper = this.#byRows[at.upper]!.read(experts);
    const seconds = lower.value + (upper.value - lower.value) * at.weight;
    return { seconds: Math.max(0, seconds), tier: worse(tierOf(at), worse(lower.tier, upper.tier)) };
  }
}
