/** A tensor as its file has it. */
export interface Tensor {
  readonly dtype: 'F32' | 'F16' | 'BF16';
  /** Linear layers are [out, in]. */
  readonly shape: readonly number[];
  /** Little-endian, row-major; a view that the reader may reuse at the next read. */
  readonly bytes: Uint8Array;
}

/** The weights of a model, read one by one, so that a file is never held in memory twice. */
export interface Weights {
  /** Names as Hugging Face has them: `model.layers.0.self_attn.q_proj.weight`. */
  readonly names: readonly string[];
  has(name: string): boolean;
  /** @throws UsageError that names the tensor and the file, when it is missing or cut off. */
  read(name: string): Promise<Tensor>;
  close(): Promise<void>;
}
