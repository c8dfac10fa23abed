import type { ModelConfig } from '@mdiff/config';
import type { Tensor } from '@tensorflow/tfjs';

/** The keys of the `model` section that shape the network; a resolved configuration and a model folder's `config.json` have them. */
export type DenoiserConfig = Pick<
  ModelConfig,
  | 'd_model'
  | 'n_layers'
  | 'n_heads'
  | 'd_ff'
  | 'vocab_size'
  | 'max_seq_len'
  | 'dropout'
  | 'attention_dropout'
  | 'activation'
  | 'norm_type'
  | 'norm_eps'
  | 'pos_encoding'
  | 'init_std'
  | 'use_bias'
  | 'tie_embeddings'
  | 'conv_width'
>;

/** Tensors by parameter name (`layout` lists the names and shapes). */
export type Params = Readonly<Record<string, Tensor>>;

/** Host-made dropout masks by the names of `dropoutShapes`: 0 or 1/(1−p). */
export type Masks = Readonly<Record<string, Tensor>>;

/** A batch as the trunk reads it: ids, segments, positions int32 [B, S]; causal float32 [B]. */
export interface TrunkInputs {
  readonly ids: Tensor;
  readonly segments: Tensor;
  readonly positions: Tensor;
  readonly causal: Tensor;
  readonly masks?: Masks;
}

/** A batch and its M loss positions: rows (flattened indices b·S + s), targets int32 [M]; weights float32 [M] (0 for filler). */
export interface Batch extends TrunkInputs {
  readonly rows: Tensor;
  readonly targets: Tensor;
  readonly weights: Tensor;
}
