// The networks that are measured, and one training step of each: its graph and a batch for it. Not a measurement of its own.
import * as tf from '@tensorflow/tfjs';
import { ProjectConfig } from '@mdiff/config';
import { stream } from '@mdiff/diffusion';
import { initParams, layout as layoutOf, lossAndGrads } from '@mdiff/model';
import { optimize, trace } from '@mdiff/trace';

const preset = (name) => ProjectConfig.preset(name).model;
const wide = { ...preset('micro'), conv_width: 0, dropout: 0, attention_dropout: 0, tie_embeddings: true, vocab_size: 8192, max_seq_len: 128 };

/** Presets, the 8.4M shape of the first engine measurements, and 25M parameters. */
export const models = {
  nano: preset('nano'),
  micro: preset('micro'),
  m10: { ...wide, d_model: 256, n_layers: 8, n_heads: 8, d_ff: 1024, activation: 'gelu', pos_encoding: 'learned' },
  m25: { ...wide, d_model: 512, n_layers: 6, n_heads: 8, d_ff: 1376 },
};

/** The optimised training graph of 16 rows of 128, with any number of evaluated rows. */
export async function stepGraph(model, { B = 16, S = 128, ...options } = {}) {
  tf.enableProdMode();
  await tf.setBackend('cpu');
  const layout = layoutOf(model);
  const int = (...shape) => ({ shape, dtype: 'int32' });
  const inputs = {
    ids: int(B, S), segments: int(B, S), positions: int(B, S), causal: { shape: [], dtype: 'float32' },
    rows: int('rows'), targets: int('rows'), weights: { shape: ['rows'], dtype: 'float32' },
    ...Object.fromEntries(layout.params.map(({ name, shape }) => [name, { shape: [...shape], dtype: 'float32' }])),
  };
  return optimize(trace(lossAndGrads(model, layout, options), { inputs }));
}

/** Feeds by input name: each row holds two units, and `masked` of the positions, at random, are evaluated. */
export function stepFeeds(model, { B = 16, S = 128, masked = 0.5, seed = 1 } = {}) {
  const N = B * S;
  const rng = stream(seed, 'bench');
  const below = (n) => Math.floor(rng.next() * n);
  const layout = layoutOf(model);
  const flat = initParams(model, seed);
  const cut = Math.floor(S * 0.6);
  const hidden = Array.from({ length: N }, (_, i) => i).filter(() => rng.next() < masked);
  const ids = Int32Array.from({ length: N }, () => 5 + below(model.vocab_size - 5));
  const targets = Int32Array.from(hidden, (at) => ids[at]);
  for (const at of hidden) ids[at] = 0;
  const int = (data, ...shape) => ({ type: 'int32', data, shape });
  return {
    ids: int(ids, B, S),
    segments: int(Int32Array.from({ length: N }, (_, i) => (i % S < cut ? 1 : 2)), B, S),
    positions: int(Int32Array.from({ length: N }, (_, i) => (i % S < cut ? i % S : (i % S) - cut)), B, S),
    causal: { type: 'float32', data: Float32Array.of(0), shape: [] },
    rows: int(Int32Array.from(hidden), hidden.length),
    targets: int(targets, hidden.length),
    weights: { type: 'float32', data: new Float32Array(hidden.length).fill(1 / hidden.length), shape: [hidden.length] },
    ...Object.fromEntries(layout.params.map(({ name, offset, size, shape }) => [name, { type: 'float32', data: flat.slice(offset, offset + size), shape }])),
  };
}
