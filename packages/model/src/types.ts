import type { Tensor } from '@tensorflow/tfjs';

/**
 * The keys of the `model` section that shape the network. Structural on purpose: a resolved `ModelConfig` of
 * `@mdiff/config` fits, and so does the `config.json` of a model folder.
 */
export interface DenoiserConfig {
  readonly d_model: number;
  readonly n_layers: number;
  readonly n_heads: number;
  readonly d_ff: number;
  readonly vocab_size: number;
  readonly max_seq_len: number;
  readonly dropout: number;
  readonly attention_dropout: number;
  readonly activation: 'swiglu' | 'gelu' | 'relu';
  readonly norm_type: 'layernorm' | 'rmsnorm';
  readonly norm_eps: number;
  readonly pos_encoding: 'rope' | 'learned' | 'sinusoidal';
  readonly init_std: number;
  readonly use_bias: boolean;
  readonly tie_embeddings: boolean;
  readonly conv_width: number;
}

/** Tensors by parameter name (`layout` lists the names and shapes). */
export type Params = Readonly<Record<string, Tensor>>;

/** Host-made dropout masks by the names of `dropoutShapes`: 0 or 1/(1−p). */
export type Masks = Readonly<Record<string, Tensor>>;

/** What the trunk reads: ids, segments, positions int32 [B, S]; causal float32 [B]. */
export interface Rows {
  readonly ids: Tensor;
  readonly segments: Tensor;
  readonly positions: Tensor;
  readonly causal: Tensor;
  readonly masks?: Masks;
}

/** Rows and what to predict in them: rows, targets int32 [M]; weights float32 [M] (0 for filler). */
export interface Batch extends Rows {
  readonly rows: Tensor;
  readonly targets: Tensor;
  readonly weights: Tensor;
}
