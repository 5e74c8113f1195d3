/** How weights, KV and activations lie in memory. Arithmetic and the residual stream are in f32 either way. */
export type Dtype = 'f16' | 'f32';

/**
 * A unit is 16 bytes, the widest load there is: four f32, or eight f16 in pairs. Pairs are unpacked by
 * `unpack2x16float`, which every adapter has, also those without `shader-f16`.
 */
export interface UnitFormat {
  readonly dtype: Dtype;
  /** Bytes of an element. */
  readonly bytes: number;
  /** Elements of a unit. */
  readonly width: 4 | 8;
  /** Vectors of four that a unit unpacks to. */
  readonly parts: 1 | 2;
  readonly type: string;
  /** Two and four neighbours, for kernels that handle so few. */
  readonly pair: string;
  readonly quad: string;
}

const FORMATS: Record<Dtype, UnitFormat> = {
  f32: {
    dtype: 'f32',
    bytes: 4,
    width: 4,
    parts: 1,
    type: 'vec4<f32>',
    pair: 'vec2<f32>',
    quad: 'vec4<f32>',
  },
  f16: { dtype: 'f16', bytes: 2, width: 8, parts: 2, type: 'vec4<u32>', pair: 'u32', quad: 'vec2<u32>' },
};

export function formatOf(dtype: Dtype): UnitFormat {
  return FORMATS[dtype];
}

/** WGSL functions that the expressions below call. */
export const UNIT_FUNCTIONS = `
fn quad_of(q: vec2<u32>) -> vec4<f32> { return vec4<f32>(unpack2x16float(q.x), unpack2x16float(q.y)); }
fn quad_to(v: vec4<f32>) -> vec2<u32> { return vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw)); }`;

/** The vec4<f32> values of a unit. */
export function unpacked(format: UnitFormat, unit: string): readonly string[] {
  return format.dtype === 'f32' ? [unit] : [`quad_of(${unit}.xy)`, `quad_of(${unit}.zw)`];
}

/** A unit of `format.parts` vec4<f32> values. */
export function packed(format: UnitFormat, values: readonly string[]): string {
  return format.dtype === 'f32' ? values[0]! : `vec4<u32>(quad_to(${values[0]}), quad_to(${values[1]}))`;
}

export function unpackedPair(format: UnitFormat, pair: string): string {
  return format.dtype === 'f32' ? pair : `unpack2x16float(${pair})`;
}

export function packedPair(format: UnitFormat, value: string): string {
  return format.dtype === 'f32' ? value : `pack2x16float(${value})`;
}

export function unpackedQuad(format: UnitFormat, quad: string): string {
  return format.dtype === 'f32' ? quad : `quad_of(${quad})`;
}
