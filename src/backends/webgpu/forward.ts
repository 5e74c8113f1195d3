import type { ModelConfig } from '../model/config.ts';
import type { Activations } from './activations.ts';
import { type AttentionShape, groupsPerItem } from './attention/attention-shape.ts';
import type { GpuModel } from './gpu-model.ts';
import type { KernelSet } from './kernel-set.ts';
import { copyGroups } from './kernels/copy-blocks.ts';
import { ropeHeads } from './kernels/rope.ts';
import type { KvLayer } from './kv-cache.ts';
import type { StepUpload } from './step-upload.ts';

/** All that a forward pass reads and writes. */
export interface ForwardState {
  readonly config: ModelConfig;
  readonly shape: AttentionShape;
  readonly kernels: KernelSet;
  readonly model: GpuModel;
  readonly kv: readonly KvLayer[];
  readonly activations: Activations;
}

/** Layers of the first piece of a pass, and of each that follows. */
const PIECES = { first: 2, next: 10 };

/**
 * One forward pass over a step that has been uploaded, in pieces to be encoded in their order. The GPU begins with
 * the first while the CPU encodes the next: encoding all takes as long as the GPU needs for a third of a decode step.
 */
export function* forwardPieces(
  state: ForwardState,
  step: StepUpload,
): Generator<(pass: GPUComputePassEncoder) => void> {
  const { layers } = state.config;
  let to = 0;
  do {
    const from = to;
    to = Math.min(layers, from === 0 ? PIECES.first : from + PIECES.next);
    const end = to;
    yield pass => {
      if (from === 0) encodeBegin(pass, state, step);
      if (step.counts.tokens === 0) return;
      for (let layer = from; layer < end; layer++) encodeLayer(pass, state, step, layer);
      if (end === layers) encodeEnd(pass, state, step);
    };
  } while (to < layers);
}

function encodeBegin(pass: GPUComputePassEncoder, state: ForwardState, step: StepUpload): void {
  const { kernels, model, activations } = state;
  const { tokens, copies } = step.counts;
  if (copies > 0) encodeCopies(pass, state);
  const embed = () => ({ ...activations.buffers, embedding: model.embedding });
  if (tokens > 0) kernels.part('embed').dispatch(pass, 0, embed, [tokens, 1, 1]);
}

/** Logits of the rows that are drawn from, and the draws. */
function encodeEnd(pass: GPUComputePassEncoder, state: ForwardState, step: StepUpload): void {
  const { kernels, model, activations } = state;
  const { outputs, draws } = step.counts;
  const { linear } = kernels;
  const { buffers } = activations;
  if (outputs === 0) return;
  const finalNorm = () => ({ ...buffers, weights: model.finalNorm, normed: buffers.outputs });
  kernels.part('finalNorm').dispatch(pass, 0, finalNorm, [outputs, 1, 1]);
  const lmHead = () => ({ ...buffers, x: buffers.outputs, weights: model.lmHead, y: buffers.logits });
  linear['lm-head'].dispatch(pass, outputs, 0, lmHead);
  kernels.part('sample').dispatch(pass, 0, () => buffers, [draws, 1, 1]);
}

function encodeCopies(pass: GPUComputePassEncoder, { kernels, shape, kv, activations }: ForwardState): void {
  for (const [layer, cache] of kv.entries()) {
    const buffers = () => ({ ...activations.buffers, ...cache });
    kernels.part('copyBlocks').dispatch(pass, layer, buffers, [copyGroups(shape), 1, 1]);
  }
}

/** Dispatches depend on each other in their order; the residual stream (`hidden`) is in f32. */
function encodeLayer(
  pass: GPUComputePassEncoder,
  { config, shape, kernels, model, kv, activations }: ForwardState,
  step: StepUpload,
  layer: number,
): void {
  const { tokens, decodes, prefills, merges } = step.counts;
  const { linear } = kernels;
  const { buffers } = activations;
  const weights = model.layers[layer]!;
  const cache = kv[layer]!;
  const headGroups = Math.ceil((config.heads + 2 * config.kvHeads) / ropeHeads(config.headDim));
  const norm = (use: number, gain: GPUBuffer) =>
    kernels.part('norm').dispatch(pass, use, () => ({ ...buffers, weights: gain }), [tokens, 1, 1]);

  norm(2 * layer, weights.attentionNorm);
  const qkv = () => ({
    ...buffers,
    x: buffers.normed,
    weights: weights.qkv,
    y: buffers.qkv,
    bias: weights.qkvBias,
  });
  linear.qkv.dispatch(pass, tokens, layer, qkv);
  const rope = () => ({ ...buffers, ...cache, angles: model.angles, norms: weights.qkNorms });
  kernels.part('rope').dispatch(pass, layer, rope, [headGroups, tokens, 1]);
  const attention = () => ({ ...buffers, ...cache, partial_stats: buffers.partialStats });
  const groups = groupsPerItem(shape);
  if (decodes > 0) kernels.part('decode').dispatch(pass, layer, attention, [groups, decodes, 1]);
  if (prefills > 0) kernels.part('prefill').dispatch(pass, layer, attention, [groups, prefills, 1]);
  if (merges > 0) kernels.part('merge').dispatch(pass, 0, attention, [config.heads, merges, 1]);
  const attentionOut = () => ({
    ...buffers,
    x: buffers.attended,
    weights: weights.attentionOut,
    y: buffers.hidden,
  });
  linear['attention-out'].dispatch(pass, tokens, layer, attentionOut);

  norm(2 * layer + 1, weights.mlpNorm);
  const gateUp = () => ({ ...buffers, x: buffers.normed, weights: weights.gateUp, y: buffers.mlp });
  linear['gate-up'].dispatch(pass, tokens, layer, gateUp);
  const down = () => ({ ...buffers, x: buffers.mlp, weights: weights.down, y: buffers.hidden });
  linear.down.dispatch(pass, tokens, layer, down);
}
