import { tf } from './tf.js';

/** silu(gate)·up, both [N, F] (arXiv 2002.05202, section 2). With y the output, d gate = dy(σ(up − y) + y) and d up = dy·silu(gate). */
export function swiglu(gate: tf.Tensor, up: tf.Tensor): tf.Tensor {
  return tf.customGrad((gate, up, save) => {
    const sigma = tf.sigmoid(gate as tf.Tensor);
    const silu = tf.mul(gate as tf.Tensor, sigma);
    const y = tf.mul(silu, up as tf.Tensor);
    (save as tf.GradSaveFunc)([sigma, silu, up as tf.Tensor, y]);
    return {
      value: y,
      gradFunc: (dy, saved) => {
        const [sigma, silu, up, y] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        return [tf.mul(dy, tf.add(tf.mul(sigma, tf.sub(up, y)), y)), tf.mul(dy, silu)];
      },
    };
  })(gate, up);
}

/** `swiglu` by automatic differentiation. */
export const swigluPlain = (gate: tf.Tensor, up: tf.Tensor): tf.Tensor => gate.mul(gate.sigmoid()).mul(up);

/** x·Φ(x) (arXiv 1606.08415), with the exact normal distribution function. The derivative is Φ(x) + x·φ(x). */
export function gelu(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((x, save) => {
    const input = x as tf.Tensor;
    const phi = tf.add(tf.mul(tf.erf(tf.mul(input, Math.SQRT1_2)), 0.5), 0.5);
    (save as tf.GradSaveFunc)([input, phi]);
    return {
      value: tf.mul(input, phi),
      gradFunc: (dy, saved) => {
        const [input, phi] = saved as [tf.Tensor, tf.Tensor];
        const density = tf.exp(tf.mul(tf.mul(input, input), -0.5));
        return tf.mul(dy, tf.add(phi, tf.mul(tf.mul(input, density), 1 / Math.sqrt(2 * Math.PI))));
      },
    };
  })(x);
}

/** `gelu` by automatic differentiation. */
export const geluPlain = (x: tf.Tensor): tf.Tensor => x.mul(x.mul(Math.SQRT1_2).erf().mul(0.5).add(0.5));
