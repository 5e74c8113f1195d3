import type { WeightPrecision } from '../../sim/cost/precision.ts';

/** Weights by the labels of sources, in lower case and without signs. Those that also compute in 4 or 8 bits are others. */
const known: Readonly<Record<string, WeightPrecision>> = {
  fp16: 'fp16',
  float16: 'fp16',
  half: 'fp16',
  bf16: 'fp16',
  bfloat16: 'fp16',
  fp8: 'fp8',
  fp8static: 'fp8',
  fp8dynamic: 'fp8',
  fp8block: 'fp8',
  int8wo: 'int8',
  w8a16: 'int8',
  int4wo: 'int4',
  w4a16: 'int4',
  awq: 'int4',
  awqint4: 'int4',
  int4awq: 'int4',
  gptqint4: 'int4',
};

/** Parts of a checkpoint's name that speak of its weights. */
const inName = /(?<=[-_.])(?:(?:nv|mx)?fp[48]|int[48]|w\d+a\d+|awq|gptq|bnb|gguf|\dbit)(?=$|[-_.])/gi;

/** How a row says its weights are stored: its label, or the checkpoint's name where that is missing or a guess (`bf16?`). */
export function precisionLabel(label: string, checkpoint: string): string {
  const [own, named] = [label.replace(/\?$/, '').trim(), (checkpoint.match(inName) ?? []).join('-')];
  if (own === '' || (label.endsWith('?') && named !== '')) return named || 'fp16';
  return own;
}

/** The weights of a label; undefined for those that have no price here (`nvfp4`, `w4a8`). */
export function weightsOf(label: string): WeightPrecision | undefined {
  const plain = label.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return Object.hasOwn(known, plain) ? known[plain] : undefined;
}
