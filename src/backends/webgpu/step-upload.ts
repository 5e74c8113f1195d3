import type { Draw, TokenBatch } from '../model-runner.ts';
import { noiseKey } from '../sampling/gumbel.ts';
import type { AttentionPlanner } from './attention/work-list.ts';
import { ENTRY, STEP_FIELDS, type StepField, stepUniform } from './kernels/step-layout.ts';

/** A step as its kernels get it: one upload of words, and the uniform that says where what is. */
export interface StepUpload {
  readonly words: Int32Array<ArrayBuffer>;
  readonly uniform: Uint32Array<ArrayBuffer>;
  readonly counts: Readonly<Record<StepField, number>>;
  /** Row of the logits of each draw; rows that the CPU samples come first. */
  readonly logitRows: readonly number[];
  readonly cpuRows: number;
}

/** Below this (but 0, which is greedy) quotients leave the range of f32; the CPU has f64. */
const LEAST_TEMPERATURE = 1e-5;

/** Whether the GPU draws this token; the rest needs its row's logits on the CPU. */
export function drawsOnGpu({ params, banned, allowed }: Draw): boolean {
  const { topK, topP, minP, presencePenalty, frequencyPenalty, repetitionPenalty, logitBias, logprobs } =
    params;
  const plain =
    presencePenalty === 0 &&
    frequencyPenalty === 0 &&
    repetitionPenalty === 1 &&
    logitBias.size === 0 &&
    logprobs === undefined &&
    banned.length === 0 &&
    allowed === undefined;
  // Filters never take away the most likely token.
  const unfiltered = topK === 0 && topP === 1 && minP === 0 && params.temperature >= LEAST_TEMPERATURE;
  return plain && (params.temperature === 0 || unfiltered);
}

export function stepUpload(batch: TokenBatch, planner: AttentionPlanner): StepUpload {
  const { tokens, positions, slots, rowStarts, tables, tableWidth, copies, draws } = batch;
  const rows: number[] = [];
  const logitRow = new Map<number, number>();
  let cpuRows = 0;
  for (const onGpu of [false, true]) {
    for (const draw of draws) {
      if (drawsOnGpu(draw) !== onGpu || logitRow.has(draw.row)) continue;
      logitRow.set(draw.row, rows.length);
      rows.push(draw.row);
    }
    if (!onGpu) cpuRows = rows.length;
  }
  const work = planner.plan(batch);
  const logitRows = draws.map(draw => logitRow.get(draw.row)!);
  const drawWords = draws.flatMap((draw, i) => {
    const { a, b } = noiseKey(draw.seed, draw.step);
    return [logitRows[i]!, temperatureBits(draw.params.temperature), a | 0, b | 0];
  });
  const sections = [
    { count: 'tokens', words: tokens },
    { at: 'at_positions', words: positions },
    { at: 'at_slots', words: slots },
    { count: 'outputs', at: 'at_outputs', words: rows.map(row => rowStarts[row + 1]! - 1) },
    { count: 'draws', at: 'at_draws', words: drawWords, entry: ENTRY.draw },
    { count: 'decodes', at: 'at_decodes', words: work.decodes, entry: ENTRY.attention },
    { count: 'prefills', at: 'at_prefills', words: work.prefills, entry: ENTRY.attention },
    { count: 'merges', at: 'at_merges', words: work.merges, entry: ENTRY.merge },
    { count: 'copies', at: 'at_copies', words: copies, entry: ENTRY.copy },
    { at: 'at_tables', words: tables },
  ] as const;
  const counts = Object.fromEntries(STEP_FIELDS.map(field => [field, 0])) as Record<StepField, number>;
  counts.table_width = tableWidth;
  const words = new Int32Array(sections.reduce((sum, section) => sum + section.words.length, 0));
  let at = 0;
  for (const section of sections) {
    words.set(section.words, at);
    if ('at' in section) counts[section.at] = at;
    if ('count' in section)
      counts[section.count] = section.words.length / ('entry' in section ? section.entry : 1);
    at += section.words.length;
  }
  const uniform = stepUniform(counts);
  return { words, uniform, counts, logitRows, cpuRows };
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

function temperatureBits(temperature: number): number {
  float[0] = temperature;
  return bits[0]!;
}
