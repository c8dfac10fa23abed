import { tf } from './tf.js';
import type { Params } from './types.js';

/**
 * y = f(x, params) that keeps only x for its gradient and computes f again there (gradient checkpointing,
 * arXiv 1604.06174, section 4.1). x is [N, D]; y and the gradient dy are [N, D] or [M, D], where M may be 0.
 *
 * A graph optimiser computes equal expressions once, so in a recorded graph it would merge the second computation with the first.
 * The second one therefore starts from x̂ = x + zero·Σₙ dyₙ₀. `zero` (float32 scalar) is an input of the graph that is fed 0 at run
 * time, so constant folding cannot prove that x̂ equals x; and x̂ needs dy, so the second computation cannot start early. If x or dy
 * is not finite, the gradient is not finite either, as without recomputation.
 */
export function recomputed(f: (x: tf.Tensor, params: Params) => tf.Tensor, x: tf.Tensor, params: Params, zero: tf.Tensor): tf.Tensor {
  const names = Object.keys(params);
  const apply = (x: tf.Tensor, tensors: readonly tf.Tensor[]): tf.Tensor =>
    f(x, Object.fromEntries(names.map((name, i) => [name, tensors[i]!])));
  return tf.customGrad((...all) => {
    const save = all.pop() as unknown as tf.GradSaveFunc;
    const [x, ...tensors] = all as [tf.Tensor, ...tf.Tensor[]];
    save([x, ...tensors]);
    return {
      value: apply(x, tensors),
      gradFunc: (dy, saved) => {
        const [x, ...tensors] = saved as [tf.Tensor, ...tf.Tensor[]];
        const late = tf.add(x, tf.mul(zero, tf.sum(tf.slice(dy, [0, 0], [-1, 1]))));
        return withTapeAside(() => tf.grads((x, ...tensors) => apply(x!, tensors))([late, ...tensors], dy));
      },
    };
  })(x, ...names.map((name) => params[name]!));
}

/** Runs with the tape of TensorFlow.js put aside: there is only one, and a gradient inside a gradient function would throw it away. */
function withTapeAside<T>(run: () => T): T {
  const { state } = tf.engine();
  const tape = state.activeTape;
  try {
    return run();
  } finally {
    state.activeTape = tape;
  }
}
