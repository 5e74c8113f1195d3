import type { AttentionStep } from './kernel-tables.ts';
import { ProfileTable } from './profile-table.ts';

/** Where the attention of unequal decodes lies between that of as many of mean KV (0) and of the longest (1). */
export interface Skew {
  alpha(step: AttentionStep): number;
}

/**
 * Later profilers fit to other labels (`pc_label`, `lev_label`, the gap between mean and longest), whose limits are
 * nowhere in the table.
 */
export function isLaterSkewFit(text: string): boolean {
  const end = text.indexOf('\n');
  const header = text.slice(0, end < 0 ? text.length : end).split(',');
  return header.some(name => name.trim() === 'lev_label');
}

const columns = ['pc', 'n_label', 'skew_rate_label', 'kv_big_label', 'kp_label', 'alpha', 'n_samples'];

/**
 * Fitted by LLMServingSim's five labels: prefill tokens, decodes, how near the mean is to the longest, the
 * longest KV, and the history of the prefill.
 */
export class SkewFit implements Skew {
  readonly #cells = new Map<string, number>();
  readonly #chunks: number[];
  readonly #limits: Record<'n' | 'rate' | 'big' | 'past', readonly Limit[]>;
  /** For cells that were not measured: without prefills, and with them. */
  readonly #default: readonly [pure: number, mixed: number];

  /** @param otherwise for cells that were not measured; the mean over the samples of all where it is not known */
  static read(text: string, path: string, otherwise?: number): SkewFit {
    return new SkewFit(new ProfileTable(text, path, columns), otherwise);
  }

  private constructor(table: ProfileTable, otherwise: number | undefined) {
    const labels = (column: string) => {
      const all = Array.from({ length: table.length }, (_, i) => table.text(i, column));
      return [...new Set(all)].map(limitOf).sort((a, b) => a.upTo - b.upTo);
    };
    this.#limits = {
      n: labels('n_label'),
      rate: labels('skew_rate_label'),
      big: labels('kv_big_label'),
      past: labels('kp_label'),
    };
    const chunks = new Set<number>();
    const sums = [
      [0, 0],
      [0, 0],
    ];
    for (const [i, [chunk, alpha, samples]] of table
      .numbers(['pc', 'alpha', 'n_samples'], Number.NEGATIVE_INFINITY)
      .entries()) {
      // Fits of models with other attention kernels as well have a row for each.
      if (table.has('layer') && table.text(i, 'layer') !== 'attention') continue;
      chunks.add(chunk!);
      const names = ['n_label', 'skew_rate_label', 'kv_big_label', 'kp_label'].map(name =>
        table.text(i, name),
      );
      this.#cells.set([chunk, ...names].join(), alpha!);
      const sum = sums[chunk === 0 ? 0 : 1]!;
      sum[0]! += alpha! * samples!;
      sum[1]! += samples!;
    }
    this.#chunks = [...chunks].sort((a, b) => a - b);
    const mean = ([alpha, samples]: readonly number[]) => alpha! / (samples! || 1);
    this.#default = [otherwise ?? mean(sums[0]!), otherwise ?? mean(sums[1]!)];
  }

  alpha({ chunk, key, decodes, kv, shortest, longest }: AttentionStep): number {
    const { n, rate, big, past } = this.#limits;
    const history = chunk > 0 ? Math.max(0, key - chunk / 2) : 0;
    const cell = [
      nearest(this.#chunks, chunk),
      labelOf(n, decodes),
      labelOf(rate, (kv - shortest) / (longest - shortest)),
      labelOf(big, longest),
      labelOf(past, history),
    ].join();
    return this.#cells.get(cell) ?? this.#default[chunk === 0 ? 0 : 1];
  }
}

interface Limit {
  readonly label: string;
  readonly upTo: number;
}

/** `n<=128`, `sr<=15%`, `sr>70%`, `kvB<=16k`, `kp=0`. */
function limitOf(label: string): Limit {
  const [, relation, number, unit] = /([<>]?=?)(\d+)([k%]?)$/.exec(label) ?? [];
  if (relation === undefined || relation === '>') return { label, upTo: Number.POSITIVE_INFINITY };
  const scale = unit === 'k' ? 1024 : unit === '%' ? 0.01 : 1;
  return { label, upTo: Number(number) * scale };
}

/** The first label that covers x; the last one above them all. */
function labelOf(limits: readonly Limit[], x: number): string {
  return (limits.find(({ upTo }) => x <= upTo) ?? limits.at(-1)!).label;
}

function nearest(values: readonly number[], x: number): number {
  // Steps with prefills have their own fit: one token of them is not none.
  const own = x > 0 ? values.filter(value => value > 0) : values;
  return own.reduce((best, value) => (Math.abs(value - x) < Math.abs(best - x) ? value : best), own[0] ?? 0);
}
