import { stream } from '@mdiff/diffusion';
import { tf } from './tf.js';
import { expect, test } from 'vitest';
import { cacheShape, cachedForward } from './cached.js';
import { frame, hiddenAt, logits } from './denoiser.js';
import { tiny } from './fixture.test.util.js';
import { layout } from './layout.js';
import { bind, initParams } from './params.js';
import type { DenoiserConfig } from './types.js';

const configs: DenoiserConfig[] = [
  { ...tiny, init_std: 0.3 },
  { ...tiny, init_std: 0.3, conv_width: 7, pos_encoding: 'learned', norm_type: 'layernorm', activation: 'gelu', use_bias: true },
  { ...tiny, init_std: 0.3, conv_width: 3, pos_encoding: 'sinusoidal', activation: 'relu', tie_embeddings: false },
];
const [B, S, C] = [2, 11, 13];

/** Logits of every position [B, S, V], the row read in pieces of these lengths. */
function inPieces(config: DenoiserConfig, params: Record<string, tf.Tensor>, ids: tf.Tensor2D, pieces: readonly number[]): tf.Tensor {
  const { n_heads: H, d_model: D } = config;
  const { attention, convolutions, reach } = cacheShape(config);
  // The places that are not read yet hold numbers that would be seen.
  const cache = Object.fromEntries([
    ...attention.map((name) => [name, tf.fill([B, H, C, D / H], 9)] as const),
    ...convolutions.map((name) => [name, tf.zeros([B, reach, D])] as const),
  ]);
  let position = 0;
  const parts = pieces.map((length) => {
    const { logits: part, ...gained } = cachedForward(config)({
      ...params,
      ...Object.fromEntries(Object.entries(cache).map(([name, value]) => [`past.${name}`, value])),
      input_ids: tf.slice(ids, [0, position], [B, length]),
      position: tf.scalar(position, 'int32'),
      rows: tf.range(0, B * length, 1, 'int32'),
    });
    for (const name of convolutions) cache[name] = gained[name]!;
    for (const name of attention) {
      const [before, after] = tf.split(cache[name]!, [position, C - position], 2) as [tf.Tensor, tf.Tensor];
      cache[name] = tf.concat([before, gained[name]!, tf.slice(after, [0, 0, length, 0])], 2);
    }
    position += length;
    return part!.reshape([B, length, -1]);
  });
  return tf.concat(parts, 1);
}

test.each(configs)('the cached pass gives the logits of the whole causal row ($pos_encoding, conv $conv_width)', (config) => {
  tf.tidy(() => {
    const rng = stream(3, 'cached.test');
    const params = bind(initParams(config, 3), layout(config));
    const ids = tf.tensor2d(
      Array.from({ length: B * S }, () => rng.int(config.vocab_size)),
      [B, S],
      'int32',
    );
    const whole = frame(config, { ids, segments: tf.onesLike(ids), causal: tf.scalar(1) });
    const expected = logits(params, hiddenAt(config, params, whole, tf.range(0, B * S, 1, 'int32'))).reshape([B, S, -1]);
    for (const pieces of [new Array<number>(S).fill(1), [4, 1, 6]]) {
      const found = inPieces(config, params, ids, pieces);
      expect(found.shape).toEqual(expected.shape);
      // The same sums in another order: rounding of float32 at logits of about 3.
      expect(tf.max(tf.abs(tf.sub(found, expected))).dataSync()[0], pieces.join()).toBeLessThan(1e-5);
    }
  });
});
