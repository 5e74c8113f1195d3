import type { Draw, TokenBatch } from '../backends/model-runner.ts';
import type { Request, Sequence } from '../core/request.ts';
import type { StepPlan } from '../core/step-plan.ts';
import type { Tokens } from '../core/units.ts';
import { asGeneration, type GenerationRequest } from './generation-request.ts';
import type { KvTables } from './kv-tables.ts';
import type { Sample } from './sample.ts';

/** Whom a drawn token is for. */
export interface Drawing {
  /** Entry of the plan; −1 for an ended row that its static batch still computes, whose token nobody wants. */
  readonly entry: number;
  readonly request: GenerationRequest;
  readonly seq: Sequence;
  readonly sample: Sample;
}

interface Row {
  readonly seq: Sequence;
  readonly sample: Sample;
  readonly start: Tokens;
  readonly count: Tokens;
}

/**
 * The batch of a plan, taken down at once: the plan's requests change with the next one.
 * @param underWay the draw of the batch before that each sequence's last token comes from, where it is not known.
 *
 * Ended rows of a static batch are computed as `generate` computes them, for that is what static batching costs:
 * each decodes its last token again, into the slot that has it. Pads are not: rows keep their own length here.
 */
export function tokenBatch(
  plan: StepPlan,
  running: readonly Request[],
  tables: KvTables,
  blockSize: Tokens,
  underWay: ReadonlyMap<Sequence, number> = noDraws,
): { readonly batch: TokenBatch; readonly drawings: readonly Drawing[] } {
  tables.settle(running);
  const rows: Row[] = [];
  const draws: Draw[] = [];
  const drawings: Drawing[] = [];
  const draw = (entry: number, row: number, request: GenerationRequest, seq: Sequence) => {
    const sample = request.samples[seq.index]!;
    draws.push(drawOf(row, request, sample));
    drawings.push({ entry, request, seq, sample });
  };

  for (const [entry, planned] of plan.requests.entries()) {
    const request = asGeneration(planned);
    const { seqs } = request;
    const samples = plan.samples[entry]!;
    const first = rows.length;
    // Samples that this step forks do not compute: the prompt's last token is drawn from for each of them.
    const computing = plan.rows[entry]!;
    for (const seq of seqs.slice(0, computing)) {
      const sample = request.samples[seq.index]!;
      rows.push({ seq, sample, start: plan.starts[entry]!, count: plan.numTokens[entry]! });
    }
    if (!samples) continue;
    for (const [i, seq] of seqs.entries()) draw(entry, first + Math.min(i, computing - 1), request, seq);
  }
  if (plan.heldRows > 0) {
    for (const { request, seq } of heldRows(running)) {
      if (!tables.has(seq)) continue;
      const sample = request.samples[seq.index]!;
      const start = Math.max(0, request.promptTokens + seq.outputTokens - 2);
      draw(-1, rows.length, request, seq);
      rows.push({ seq, sample, start, count: 1 });
    }
  }
  return {
    batch: { ...layOut(rows, tables, blockSize, underWay), copies: copiesOf(plan, tables.factor), draws },
    drawings,
  };
}

function* heldRows(running: readonly Request[]): Generator<{ request: GenerationRequest; seq: Sequence }> {
  for (const request of running)
    for (const seq of request.done) yield { request: asGeneration(request), seq };
}

function drawOf(row: number, request: GenerationRequest, sample: Sample): Draw {
  const { index, tokens } = sample;
  const step = tokens.output.length + request.numPending;
  // An ended row of a static batch draws what nobody wants.
  const structure = sample.finishReason === undefined ? sample.structure : undefined;
  return {
    row,
    params: request.params,
    seed: request.seed + index,
    step,
    prompt: tokens.prompt,
    output: tokens.output,
    // A structure that is over leaves nothing but an end.
    banned: step < request.params.minTokens && !structure?.over ? request.endingIds : none,
    allowed: structure?.allowed,
  };
}

const none: readonly number[] = [];
const noDraws: ReadonlyMap<Sequence, number> = new Map();

function copiesOf(plan: StepPlan, factor: number): Int32Array {
  const copies = new Int32Array(2 * factor * plan.copies.length);
  let at = 0;
  for (const { src, dst } of plan.copies) {
    for (let i = 0; i < factor; i++) {
      copies[at++] = src * factor + i;
      copies[at++] = dst * factor + i;
    }
  }
  return copies;
}

function layOut(
  rows: readonly Row[],
  kv: KvTables,
  blockSize: Tokens,
  underWay: ReadonlyMap<Sequence, number>,
): Omit<TokenBatch, 'copies' | 'draws'> {
  let total = 0;
  let tableWidth = 0;
  for (const { start, count } of rows) {
    total += count;
    tableWidth = Math.max(tableWidth, Math.ceil((start + count) / blockSize));
  }
  const tokens = new Int32Array(total);
  const positions = new Int32Array(total);
  const slots = new Int32Array(total);
  const rowStarts = new Int32Array(rows.length + 1);
  const contexts = new Int32Array(rows.length);
  const tables = new Int32Array(rows.length * tableWidth).fill(-1);
  let t = 0;
  for (const [r, { seq, sample, start, count }] of rows.entries()) {
    const table = r * tableWidth;
    contexts[r] = start + count;
    kv.write(seq, start + count, tables, table);
    for (let position = start; position < start + count; position++, t++) {
      tokens[t] = position < sample.tokens.length ? sample.tokens.at(position) : -1 - underWay.get(seq)!;
      positions[t] = position;
      slots[t] = tables[table + Math.floor(position / blockSize)]! * blockSize + (position % blockSize);
    }
    rowStarts[r + 1] = t;
  }
  return { tokens, positions, slots, rowStarts, contexts, tables, tableWidth };
}
