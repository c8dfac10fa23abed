// The denoiser as a function: parameters in one flat buffer, the loss at one hidden position, and a step down its gradient.
import { bind, initParams, layout, lossAndGrads, tf } from '@mdiff/model';

const config = {
  ...{ d_model: 16, n_layers: 1, n_heads: 2, d_ff: 24, vocab_size: 31, max_seq_len: 8, dropout: 0, attention_dropout: 0 },
  ...({ activation: 'swiglu', norm_type: 'rmsnorm', norm_eps: 1e-6, pos_encoding: 'rope', init_std: 0.02, use_bias: false } as const),
  ...({ tie_embeddings: true, conv_width: 5 } as const),
};
tf.enableProdMode(); // it would print an advertisement
const table = layout(config); // names, shapes and offsets
const params = initParams(config, 42);
const evaluate = lossAndGrads(config, table);
const sentence = {
  ids: tf.tensor2d([[7, 0, 9]], [1, 3], 'int32'), // 0 = [MASK], where token 8 was
  segments: tf.ones([1, 3], 'int32'),
  positions: tf.tensor2d([[0, 1, 2]], [1, 3], 'int32'),
  causal: tf.zeros([1]),
  rows: tf.tensor1d([1], 'int32'),
  targets: tf.tensor1d([8], 'int32'),
  weights: tf.ones([1]),
};

console.log(`${table.total} parameters`);
for (let step = 0; step < 3; step++) {
  const { loss, ...gradients } = tf.tidy(() => evaluate({ ...bind(params, table), ...sentence }));
  console.log(`${loss!.dataSync()[0]!.toFixed(2)} nats`);
  for (const { name, offset } of table.params)
    gradients[`grad.${name}`]!.dataSync().forEach((slope, i) => (params[offset + i]! -= 0.5 * slope));
  tf.dispose([loss!, gradients]);
}

// Prints:
// 2880 parameters
// 3.38 nats
// 2.55 nats
// 0.00 nats
