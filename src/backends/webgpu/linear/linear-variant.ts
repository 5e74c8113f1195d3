import type { Bytes } from '../../../core/units.ts';
import type { Grid, Shader } from '../kernels/shader.ts';
import type { DeviceTraits } from '../traits.ts';
import type { LinearOp } from './linear-op.ts';

/**
 * A way to compute linear layers. Its shaders name what they bind: `step`, `x`, `weights`, `y`, `bias`, and
 * `scratch` where it asked for some.
 */
export interface LinearVariant {
  /** Unique: what tuning remembers. */
  readonly name: string;
  /** Whether this device can run it, for this layer. */
  supports(op: LinearOp, traits: DeviceTraits): boolean;
  /** Faster than its like only with bounds checks on (true), or off (false). */
  readonly robust?: boolean | undefined;
  /** Row counts it is right and meant for, both included. */
  readonly minRows: number;
  readonly maxRows: number;
  /** Dispatched one after the other. */
  passes(op: LinearOp, traits: DeviceTraits): readonly LinearPass[];
}

export interface LinearPass {
  readonly shader: Shader;
  grid(rows: number): Grid;
  /** Of a buffer that all layers share, for `rows` at most. */
  scratchBytes?(rows: number): Bytes;
}
