import { tf } from './tf.js';

/** table[ids]: table [V, D], ids int32 [N] → [N, D]. The gradient adds them up with one scatter, never a one-hot over V. */
export function gatherRows(table: tf.Tensor, ids: tf.Tensor): tf.Tensor2D {
  const size = table.shape[0]!;
  return tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([ids]);
    return {
      value: tf.gather(x as tf.Tensor, ids as tf.Tensor1D),
      gradFunc: (dy, [indices]) => tf.unsortedSegmentSum(dy, indices as tf.Tensor1D, size),
    };
  })(table) as tf.Tensor2D;
}

/** Sums over the last axis as a product with ones [D, 1]: matrix products use every core, ONNX Runtime's reductions do not. */
export function sumLast(x: tf.Tensor, scale = 1): tf.Tensor2D {
  const D = x.shape[x.rank - 1]!;
  return tf.matMul(x.reshape([-1, D]), tf.fill([D, 1], scale)) as tf.Tensor2D;
}

/** Sums [N, D] over the first axis → [D], for gradients of gains, biases and taps. */
export function sumFirst(x: tf.Tensor): tf.Tensor1D {
  const [N, D] = x.shape as [number, number];
  return tf.matMul(tf.ones([1, N]), x).reshape([D]);
}
