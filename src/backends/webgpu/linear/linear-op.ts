import type { Dtype } from '../kernels/storage.ts';

export const EPILOGUES = ['activation', 'residual', 'swiglu', 'logits'] as const;

/**
 * What becomes of a product. `activation`: stored in the model's dtype. `residual`: added to the residual stream
 * (f32). `swiglu`: rows of the weights alternate between gate and up, and silu(gate) · up is stored. `logits`: f32.
 */
export type Epilogue = (typeof EPILOGUES)[number];

/** One kind of linear layer of a model: Y[rows, outputs] = X[rows, inputs] · Wᵀ. W is [outputs, inputs]. */
export interface LinearOp {
  readonly name: 'qkv' | 'attention-out' | 'gate-up' | 'down' | 'lm-head';
  /** Of weights and X. */
  readonly dtype: Dtype;
  /** Multiple of 8. */
  readonly inputs: number;
  /** Rows of W; with `swiglu` twice the columns of Y. Even. */
  readonly outputs: number;
  readonly epilogue: Epilogue;
  readonly bias: boolean;
  /** Which count of the step its rows are: all tokens, or only those whose logits are wanted. */
  readonly rows: 'tokens' | 'outputs';
}

/** A layer of a common size; the choice hardly hangs on it. */
export const TYPICAL: LinearOp = {
  name: 'attention-out',
  dtype: 'f16',
  inputs: 4096,
  outputs: 4096,
  epilogue: 'residual',
  bias: false,
  rows: 'tokens',
};

/** Columns of Y. */
export function columnsOf(op: LinearOp): number {
  return op.epilogue === 'swiglu' ? op.outputs / 2 : op.outputs;
}

/**
 * Rows that buffers of activations are rounded up to. Kernels may read rows past the last one up to here, whatever
 * is in them, and so need no guards on loads; they must not store them.
 */
export const ROW_PADDING = 128;
