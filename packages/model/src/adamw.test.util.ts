import { tf } from './tf.js';
import type { AdamW } from './adamw.js';

// AdamW, clipping and the average in TensorFlow.js operations, one parameter at a time: the oracle of the tests of adamw.ts.

/** One parameter's state after a step. */
export interface Moments {
  readonly param: tf.Tensor;
  readonly m: tf.Tensor;
  readonly v: tf.Tensor;
}

/** `adamwFlat` for one parameter, without clipping. `adamwScalars` makes `rate` = lr/(1−β₁ˢ), `root` = 1/√(1−β₂ˢ) and `keep` = 1 − lr·λ. */
export function adamw(
  state: Moments,
  grad: tf.Tensor,
  { rate, root, keep }: Record<'rate' | 'root' | 'keep', number>,
  { beta1, beta2, eps }: Pick<AdamW, 'beta1' | 'beta2' | 'eps'>,
): Moments {
  return tf.tidy(() => {
    const m = tf.add(tf.mul(state.m, beta1), tf.mul(grad, 1 - beta1));
    const v = tf.add(tf.mul(state.v, beta2), tf.mul(tf.mul(grad, grad), 1 - beta2));
    const step = tf.div(tf.mul(m, rate), tf.add(tf.mul(tf.sqrt(v), root), eps));
    return { param: tf.sub(tf.mul(state.param, keep), step), m, v };
  });
}

/** The scalars of one step of `adamw`. */
export function adamwScalars(
  { lr, step, beta1, beta2, weightDecay }: Omit<AdamW, 'eps'>,
  decay: boolean,
): Record<'rate' | 'root' | 'keep', number> {
  return { rate: lr / (1 - beta1 ** step), root: 1 / Math.sqrt(1 - beta2 ** step), keep: decay ? 1 - lr * weightDecay : 1 };
}

/** Scales all gradients together so that their global norm is at most `clip` > 0. */
export function clipByGlobalNorm(grads: readonly tf.Tensor[], clip: number): { grads: tf.Tensor[]; norm: tf.Scalar } {
  return tf.tidy(() => {
    const norm = tf.sqrt(tf.addN(grads.map((grad) => tf.sum(tf.mul(grad, grad))))) as tf.Scalar;
    const scale = tf.div(clip, tf.maximum(norm, clip));
    return { grads: grads.map((grad) => tf.mul(grad, scale)), norm };
  });
}

/** d·average + (1 − d)·param. */
export const ema = (average: tf.Tensor, param: tf.Tensor, decay: number): tf.Tensor =>
  tf.tidy(() => tf.add(tf.mul(average, decay), tf.mul(param, tf.sub(1, decay))));
