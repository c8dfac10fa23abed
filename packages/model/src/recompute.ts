import * as tf from '@tensorflow/tfjs';
import type { Params } from './types.js';

/**
 * y = f(x, params) that keeps only x for its gradient and computes f again there (gradient checkpointing,
 * arXiv 1604.06174, section 4.1). x is [N, D]; y and the gradient dy are [N, D] or [M, D], where M may be 0.
 *
 * In a recorded graph the second computation must not become the first one again: every optimiser computes equal
 * expressions once. So it starts from x̂ = x + zero·Σₙ dyₙ₀, which differs from x for whoever does not know that `zero`
 * (float32 scalar, an input of the graph) is 0, and which cannot be computed before dy is. Where one of them is not finite
 * neither is the gradient, as without recomputation.
 */
export function recomputed(f: (x: tf.Tensor, params: Params) => tf.Tensor, x: tf.Tensor, params: Params, zero: tf.Tensor): tf.Tensor {
  const names = Object.keys(params);
  const apply = (x: tf.Tensor, tensors: readonly tf.Tensor[]): tf.Tensor => f(x, Object.fromEntries(names.map((name, i) => [name, tensors[i]!])));
  return tf.customGrad((...all) => {
    const save = all.pop() as unknown as tf.GradSaveFunc;
    const [x, ...tensors] = all as [tf.Tensor, ...tf.Tensor[]];
    save([x, ...tensors]);
    return {
      value: apply(x, tensors),
      gradFunc: (dy, saved) => {
        const [x, ...tensors] = saved as [tf.Tensor, ...tf.Tensor[]];
        const late = tf.add(x, tf.mul(zero, tf.sum(tf.slice(dy, [0, 0], [-1, 1]))));
        return aside(() => tf.grads((x, ...tensors) => apply(x!, tensors))([late, ...tensors], dy));
      },
    };
  })(x, ...names.map((name) => params[name]!));
}

/** TensorFlow.js has one tape, which the gradient of a gradient function would throw away: put it aside meanwhile. */
function aside<T>(run: () => T): T {
  const { state } = tf.engine();
  const tape = state.activeTape;
  try {
    return run();
  } finally {
    state.activeTape = tape;
  }
}
