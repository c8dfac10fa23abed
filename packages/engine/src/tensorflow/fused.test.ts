import { ProjectConfig } from '@mdiff/config';
import type { ModelConfig } from '@mdiff/config';
import { layout as layoutOf } from '@mdiff/model';
import { describe, expect, it } from 'vitest';
import { fusedOps } from './fused.js';
import { openGraph } from '../passes/graphs.js';

// The operations of the kernels in the training step. checks/native/kernels.ts compares their results.

const base: ModelConfig = {
  ...ProjectConfig.preset('nano').model,
  vocab_size: 40,
  d_model: 8,
  n_heads: 2,
  n_layers: 2,
  d_ff: 16,
  max_seq_len: 16,
  dropout: 0,
  attention_dropout: 0,
  conv_width: 3,
  norm_type: 'rmsnorm',
  activation: 'swiglu',
  pos_encoding: 'rope',
  use_bias: false,
};

function counts(
  products: boolean,
  model: Partial<ModelConfig> = {},
  { checkpointing = false, dropout = false } = {},
): Record<string, number> {
  const config = { ...base, ...model };
  const graph = openGraph('train', { model: config, labelSmoothing: 0, checkpointing, ops: fusedOps(products) }, layoutOf(config), dropout);
  const found: Record<string, number> = {};
  for (const { kernel, attrs } of graph.nodes) if (kernel === 'Foreign') found[attrs.op as string] = (found[attrs.op as string] ?? 0) + 1;
  return found;
}

const norms = { MdiffRmsNorm: 5, MdiffRmsNormGrad: 5 };
const convolutions = { MdiffConvolve: 3, MdiffConvolveGrad: 3 };
const attention = { MdiffSelfAttention: 2, MdiffSelfAttentionGrad: 2 };
const feedForward = { MdiffFeedForward: 2, MdiffFeedForwardGrad: 2 };
const swiglu = { MdiffSwiglu: 2, MdiffSwigluGrad: 2 };

describe('the training step with fused kernels', () => {
  it('has whole attention and feed-forward if the kernels have products', () => {
    expect(counts(true)).toEqual({ ...norms, ...convolutions, ...attention, ...feedForward });
    expect(counts(false)).toEqual({ ...norms, ...convolutions, ...swiglu });
  });

  it('has the pieces that a variant of the network contains', () => {
    expect(counts(true, { conv_width: 0, activation: 'gelu' })).toEqual({ ...norms, ...attention });
    expect(counts(true, { norm_type: 'layernorm' })).toEqual({ ...convolutions, ...attention, ...feedForward });
    expect(counts(true, { pos_encoding: 'learned' })).toEqual({ ...norms, ...convolutions, ...feedForward });
    expect(counts(true, { use_bias: true })).toEqual({ ...norms, ...convolutions, ...swiglu });
  });

  it('applies dropout after a piece, and has no whole attention with dropout of attention weights', () => {
    expect(counts(true, { attention_dropout: 0.1 }, { dropout: true })).toEqual({ ...norms, ...convolutions, ...feedForward });
    expect(counts(true, { dropout: 0.1 }, { dropout: true })).toEqual({ ...norms, ...convolutions, ...attention, ...feedForward });
  });

  it('computes them again if blocks are recomputed', () => {
    const { MdiffSelfAttention, MdiffSelfAttentionGrad } = counts(true, {}, { checkpointing: true });
    expect([MdiffSelfAttention, MdiffSelfAttentionGrad]).toEqual([4, 2]);
  });
});
