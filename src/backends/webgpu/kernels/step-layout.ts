import type { Binding } from './shader.ts';

/**
 * Per-step values in a uniform buffer, as kernels see them: counts, and where each section of the step's one
 * packed upload begins.
 */
export const STEP_FIELDS = [
  'tokens',
  /** Distinct rows whose logits are wanted. */
  'outputs',
  'draws',
  'decodes',
  'prefills',
  'merges',
  'copies',
  'table_width',
  'at_positions',
  'at_slots',
  'at_outputs',
  'at_draws',
  'at_decodes',
  'at_prefills',
  'at_merges',
  'at_copies',
  'at_tables',
] as const;

export type StepField = (typeof STEP_FIELDS)[number];

/** 32-bit words; a multiple of 16 bytes. */
export const STEP_WORDS = Math.ceil(STEP_FIELDS.length / 4) * 4;

/** Words of one entry of a section. */
export const ENTRY = {
  /** Row, first token, tokens, first position, end, first partial result or −1. */
  attention: 6,
  /** Token, partial results, the first of them, distance between them. */
  merge: 4,
  /** Row of the logits, temperature as f32 bits, noise key a and b. */
  draw: 4,
  copy: 2,
} as const;

export const STEP_STRUCT = `struct Step {\n${STEP_FIELDS.map(field => `  ${field}: u32,`).join('\n')}\n}`;

/** The uniform with these values, and zero elsewhere. */
export function stepUniform(values: Partial<Record<StepField, number>>): Uint32Array<ArrayBuffer> {
  const uniform = new Uint32Array(STEP_WORDS);
  uniform.set(STEP_FIELDS.map(field => values[field] ?? 0));
  return uniform;
}

export const STEP_BINDING: Binding = { name: 'step', access: 'uniform', type: 'Step' };
/** Tokens first, then the sections. Read-only, so that loops over it stay uniform. */
export const BATCH_BINDING: Binding = { name: 'batch', access: 'read', type: 'array<i32>' };
