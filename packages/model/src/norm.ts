import { tf } from './tf.js';
import { sumFirst, sumLast } from './rows.js';

/**
 * RMSNorm (arXiv 1910.07467, section 4): x [N, D], gain [D] → x/√(mean(x²) + eps)·gain.
 * With y = x·r the gradient is dx = r(dy′ − y·mean(dy′·y)), dy′ = dy·gain.
 */
export function rmsNorm(x: tf.Tensor, gain: tf.Tensor, eps: number): tf.Tensor2D {
  const D = x.shape[1]!;
  return tf.customGrad((x, gain, save) => {
    const input = x as tf.Tensor;
    const g = gain as tf.Tensor;
    const r = tf.rsqrt(tf.add(sumLast(tf.mul(input, input), 1 / D), eps));
    const unit = tf.mul(input, r);
    (save as tf.GradSaveFunc)([unit, r, g]);
    return {
      value: tf.mul(unit, g),
      gradFunc: (dy, saved) => {
        const [unit, r, g] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const product = tf.mul(dy, unit);
        const mean = tf.matMul(product, tf.mul(g, 1 / D).reshape([D, 1]));
        return [tf.mul(tf.sub(tf.mul(dy, g), tf.mul(unit, mean)), r), sumFirst(product)];
      },
    };
  })(x, gain) as tf.Tensor2D;
}

/** `rmsNorm` by automatic differentiation. */
export function rmsNormPlain(x: tf.Tensor, gain: tf.Tensor, eps: number): tf.Tensor2D {
  return x.mul(x.square().mean(-1, true).add(eps).rsqrt()).mul(gain) as tf.Tensor2D;
}

/**
 * LayerNorm (arXiv 1607.06450): x [N, D], gain and bias [D] → (x − mean)/√(var + eps)·gain + bias.
 * The gradient is dx = r(dy′ − mean(dy′) − y·mean(dy′·y)).
 */
export function layerNorm(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, eps: number): tf.Tensor2D {
  const D = x.shape[1]!;
  return tf.customGrad((x, gain, bias, save) => {
    const g = gain as tf.Tensor;
    const centred = tf.sub(x as tf.Tensor, sumLast(x as tf.Tensor, 1 / D));
    const r = tf.rsqrt(tf.add(sumLast(tf.mul(centred, centred), 1 / D), eps));
    const unit = tf.mul(centred, r);
    (save as tf.GradSaveFunc)([unit, r, g]);
    return {
      value: tf.add(tf.mul(unit, g), bias as tf.Tensor),
      gradFunc: (dy, saved) => {
        const [unit, r, g] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
        const weights = tf.mul(g, 1 / D).reshape([D, 1]);
        const product = tf.mul(dy, unit);
        const mean = tf.matMul(product, weights);
        const shift = tf.matMul(dy, weights);
        const dx = tf.mul(tf.sub(tf.sub(tf.mul(dy, g), shift), tf.mul(unit, mean)), r);
        return [dx, sumFirst(product), sumFirst(dy)];
      },
    };
  })(x, gain, bias) as tf.Tensor2D;
}

/** `layerNorm` by automatic differentiation. */
export function layerNormPlain(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, eps: number): tf.Tensor2D {
  const centred = x.sub(x.mean(-1, true));
  return centred.mul(centred.square().mean(-1, true).add(eps).rsqrt()).mul(gain).add(bias) as tf.Tensor2D;
}
