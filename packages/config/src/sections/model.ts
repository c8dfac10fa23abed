import { above, below, bool, choice, int, num, oneOf, pathOrNull, section } from './kinds.js';

/** Section `model`: the shape of the denoiser. */
export const ModelConfigSchema = section('Model', 'The shape of the denoiser', {
  d_model: int(2, 16384, 768, 256, 'width of every hidden vector', 'multiple of `n_heads` (E2)'),
  n_layers: int(1, 256, 12, 6, 'number of transformer layers'),
  n_heads: int(1, 256, 12, 4, 'attention heads; head size = d_model / n_heads', 'head size even for rope (E3)'),
  d_ff: int(1, 65536, 2048, 688, 'feed-forward width', '8/3·d_model suits swiglu; W2 for gelu, relu'),
  vocab_size: int(
    8,
    1048576,
    25000,
    8192,
    'rows of the embedding; largest size the tokenizer may have',
    "≥ 261 in a project (E4); shrinks to the trained tokenizer's size (N7)",
  ),
  max_seq_len: int(
    8,
    65536,
    512,
    128,
    'longest row in training and generation',
    'a row packs whole units, attention inside each unit, padded to a length bucket; padding is never masked, attended to or scored',
  ),
  dropout: num(below(0, 1), 0.1, 0, 'rate after attention and feed-forward blocks, training only'),
  attention_dropout: num(below(0, 1), 0.1, 0, 'rate on attention weights, training only'),
  activation: choice(['swiglu', 'gelu', 'relu'], 'swiglu', 'gelu', 'feed-forward form; swiglu has three matrices, the others two'),
  norm_type: choice(['layernorm', 'rmsnorm'], 'rmsnorm', 'layernorm', 'normalisation; layernorm adds a bias per norm'),
  norm_eps: num(above(0, 0.1), 0.000001, 0.00001, 'constant inside the normalisation'),
  pos_encoding: choice(
    ['rope', 'learned', 'sinusoidal'],
    'rope',
    'learned',
    'how positions enter; learned adds `max_seq_len`·`d_model` weights',
  ),
  init_std: num(above(0, 1), 0.02, 0.01, 'standard deviation of initial weights'),
  use_bias: bool(false, 'bias vectors in attention and feed-forward'),
  mask_token_id: int(0, 1048575, 0, 0, 'read-only: the id of `[MASK]`', 'set by the tokenizer; another value is an error (E18, S4)'),
  tie_embeddings: bool(false, 'output head shares the embedding matrix', 'false keeps tiny_125m near its name'),
  conv_width: oneOf(
    [0, 3, 5, 7],
    0,
    5,
    'depthwise convolution over neighbouring positions: residual on the embeddings, and before every feed-forward; 0 = none',
    'gives masked positions a local path; past taps only in causal rows',
  ),
  shift_head: bool(
    false,
    'the row is `[BOS]` + tokens, and the output at position i−1 predicts token i',
    'same effect as conv_width, and needed for `training.causal_fraction`',
  ),
  init_from: pathOrNull(
    'base-en',
    'weights to start from, with their tokenizer and shape: a model folder or an installed package (`base-en` is `@mdiff/base-en`); null = random weights',
    'a key that is set to another shape is an error (S8); `max_seq_len` may be shorter unless positions are learned',
  ),
});
