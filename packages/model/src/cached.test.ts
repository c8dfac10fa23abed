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
  // The last inputs before the next piece, which may be shorter than the reach.
  const last = (name: string, gained: tf.Tensor): tf.Tensor => {
    const all = tf.concat([cache[name]!, gained], 1);
    return tf.slice(all, [0, all.shape[1]! - reach, 0]);
  };
  const parts = pieces.map((length) => {
    const { logits: part, ...gained } = cachedForward(config)({
      ...params,
      ...Object.fromEntries(Object.entries(cache).map(([name, value]) => [`past.${name}`, value])),
      input_ids: tf.slice(ids, [0, position], [B, length]),
      position: tf.fill([B], position, 'int32'),
      rows: tf.range(0, B * length, 1, 'int32'),
    });
    for (const name of convolutions) cache[name] = last(name, gained[name]!);
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

test.each(configs)(
  'rows at places of their own, of which one ends in filler, are as each alone ($pos_encoding, conv $conv_width)',
  (config) => {
    tf.tidy(() => {
      const { n_heads: H, d_model: D } = config;
      const { attention, convolutions, reach } = cacheShape(config);
      const rng = stream(4, 'cached.test');
      const params = bind(initParams(config, 3), layout(config));
      const ids = [9, 6].map((length) => tf.tensor2d([Array.from({ length }, () => rng.int(config.vocab_size))], [1, length], 'int32'));
      const pass = (row: tf.Tensor2D, position: number, past: Record<string, tf.Tensor>) =>
        cachedForward(config)({
          ...params,
          ...Object.fromEntries(Object.entries(past).map(([name, value]) => [`past.${name}`, value])),
          input_ids: row,
          position: tf.tensor1d([position], 'int32'),
          rows: tf.range(0, row.shape[1], 1, 'int32'),
        });
      const empty = Object.fromEntries([
        ...attention.map((name) => [name, tf.fill([1, H, C, D / H], 9)] as const),
        ...convolutions.map((name) => [name, tf.zeros([1, reach, D])] as const),
      ]);
      // The first row has read 7 of its tokens, the second none.
      const before = pass(tf.slice(ids[0]!, [0, 0], [1, 7]), 0, empty);
      const past = Object.fromEntries([
        ...attention.map((name) => [name, tf.concat([before[name]!, tf.fill([1, H, C - 7, D / H], 9)], 2)] as const),
        ...convolutions.map((name) => [name, tf.slice(before[name]!, [0, 7 - reach, 0])] as const),
      ]);
      const rest = tf.slice(ids[0]!, [0, 7], [1, 2]);
      const alone = [pass(rest, 7, past).logits!, pass(ids[1]!, 0, empty).logits!];
      const { logits: both } = cachedForward(config)({
        ...params,
        ...Object.fromEntries(Object.keys(past).map((name) => [`past.${name}`, tf.concat([past[name]!, empty[name]!], 0)])),
        input_ids: tf.concat(
          [
            tf.pad(
              rest,
              [
                [0, 0],
                [0, 4],
              ],
              1,
            ),
            ids[1]!,
          ],
          0,
        ),
        position: tf.tensor1d([7, 0], 'int32'),
        rows: tf.tensor1d([0, 1, 6, 7, 8, 9, 10, 11], 'int32'),
      });
      expect(tf.max(tf.abs(tf.sub(both!, tf.concat(alone, 0)))).dataSync()[0]).toBeLessThan(1e-5);
    });
  },
);
