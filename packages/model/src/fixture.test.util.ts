import { tf } from './tf.js';
import type { DenoiserConfig } from './types.js';

// Shared by the tests of this package. TensorFlow.js would print an advertisement for its Node backend.
tf.enableProdMode();

/** A network small enough for tfjs-cpu. */
export const tiny: DenoiserConfig = {
  d_model: 16,
  n_layers: 2,
  n_heads: 2,
  d_ff: 24,
  vocab_size: 31,
  max_seq_len: 12,
  dropout: 0,
  attention_dropout: 0,
  activation: 'swiglu',
  norm_type: 'rmsnorm',
  norm_eps: 1e-6,
  pos_encoding: 'rope',
  init_std: 0.02,
  use_bias: false,
  tie_embeddings: true,
  conv_width: 5,
};
