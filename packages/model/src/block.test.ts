import { stream } from '@mdiff/diffusion';
import { tf } from './tf.js';
import { expect, test } from 'vitest';
import { blockForward } from './block.js';
import { cacheShape } from './cached.js';
import { frame, hiddenAt, logits } from './denoiser.js';
import { tiny } from './fixture.test.util.js';
import { layout } from './layout.js';
import { bind, initParams } from './params.js';
import type { Named } from './step.js';
import type { DenoiserConfig } from './types.js';

const configs: DenoiserConfig[] = [
  { ...tiny, init_std: 0.3 },
  { ...tiny, init_std: 0.3, conv_width: 0, pos_encoding: 'learned', norm_type: 'layernorm', activation: 'gelu', use_bias: true },
  { ...tiny, init_std: 0.3, conv_width: 3, pos_encoding: 'sinusoidal', activation: 'relu', tie_embeddings: false },
];
const [B, S] = [2, 11];
/** Tokens of each row; the second ends in PAD. */
const lengths = [11, 8];

/** Inputs of a pass that reads nothing around it. */
function alone(config: DenoiserConfig): Named {
  const { n_heads: H, d_model: D } = config;
  const { attention, convolutions, reach: R } = cacheShape(config);
  const sides = ['left', 'right'].flatMap((side) => convolutions.map((name) => [`${side}.${name}`, tf.zeros([B, R, D])] as const));
  return Object.fromEntries([...attention.map((name) => [`past.${name}`, tf.fill([B, H, 1, D / H], 9)] as const), ...sides]);
}

test.each(configs)(
  'a whole canvas gives the logits of the denoiser, and so does a stretch with its cache ($pos_encoding, conv $conv_width)',
  (config) => {
    tf.tidy(() => {
      const rng = stream(3, 'block.test');
      const params = bind(initParams(config, 3), layout(config));
      const ids = tf.tensor2d(
        Array.from({ length: B * S }, () => rng.int(config.vocab_size)),
        [B, S],
        'int32',
      );
      const mask = tf.tensor2d(
        lengths.flatMap((length) => Array.from({ length: S }, (_, s) => Number(s < length))),
        [B, S],
        'int32',
      );
      const wanted = tf.tensor1d([...Array(11).keys(), ...Array.from({ length: 8 }, (_, s) => S + s)], 'int32');
      const expected = logits(params, hiddenAt(config, params, frame(config, { ids, segments: mask }), wanted));
      const { logits: whole, ...cache } = blockForward(config)({
        ...params,
        ...alone(config),
        input_ids: ids,
        attention_mask: mask,
        position: tf.zeros([B], 'int32'),
        unread: tf.ones([B, 1]),
        rows: wanted,
      });
      // The same sums in another order: rounding of float32 at logits of about 3.
      expect(tf.max(tf.abs(tf.sub(whole!, expected))).dataSync()[0]).toBeLessThan(1e-5);

      const { attention, convolutions, reach: R } = cacheShape(config);
      const [length, starts] = [3, [6, 2]];
      const beside = (name: string, from: (start: number) => number): tf.Tensor =>
        tf.stack(starts.map((start, b) => tf.slice(cache[name]!, [b, from(start), 0], [1, R, config.d_model]).squeeze([0])));
      const { logits: part } = blockForward(config)({
        ...params,
        ...Object.fromEntries(attention.map((name) => [`past.${name}`, cache[name]!])),
        ...Object.fromEntries(convolutions.map((name) => [`left.${name}`, beside(name, (start) => start - R)])),
        ...Object.fromEntries(convolutions.map((name) => [`right.${name}`, beside(name, (start) => start + length)])),
        input_ids: tf.concat(
          starts.map((start, b) => tf.slice(ids, [b, start], [1, length])),
          0,
        ),
        attention_mask: tf.ones([B, length], 'int32'),
        position: tf.tensor1d(starts, 'int32'),
        unread: tf.tensor2d(
          starts.flatMap((start, b) => Array.from({ length: S }, (_, s) => Number(s >= lengths[b]! || (s >= start && s < start + length)))),
          [B, S],
        ),
        rows: tf.range(0, B * length, 1, 'int32'),
      });
      const found = tf.concat([tf.slice(expected, [6, 0], [length, -1]), tf.slice(expected, [S + 2, 0], [length, -1])], 0);
      expect(tf.max(tf.abs(tf.sub(part!, found))).dataSync()[0]).toBeLessThan(1e-5);
    });
  },
);
