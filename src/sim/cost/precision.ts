/** Storage of weights and of KV. Activations are 16 bits throughout. */
export type WeightPrecision = 'fp16' | 'fp8' | 'int8' | 'int4';
export type KvPrecision = 'fp16' | 'fp8';

export const weightPrecisions = ['fp16', 'fp8', 'int8', 'int4'] as const satisfies readonly WeightPrecision[];
export const kvPrecisions = ['fp16', 'fp8'] as const satisfies readonly KvPrecision[];

/** Bytes of one weight; int4 carries a 16-bit scale for each group of 128. */
export const weightBytes: Record<WeightPrecision, number> = { fp16: 2, fp8: 1, int8: 1, int4: 0.5 + 2 / 128 };
export const kvBytes: Record<KvPrecision, number> = { fp16: 2, fp8: 1 };
/** fp16 and bf16 are the same size and, on every GPU here, the same speed. */
export const activationBytes = 2;
