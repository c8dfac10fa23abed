import { tf } from './tf.js';
import { sumFirst } from './rows.js';

/**
 * The positions that the taps of the depthwise convolution read, both int32 [N, W]. `from[n, j]` is the position n + j − (W−1)/2 that
 * tap j reads for n. It is N (a vector of zeros) when the tap would leave the row or the segment, or look ahead in a causal row.
 * `to` is the transpose, for the gradient: the position into whose output tap j carried n.
 */
export interface Taps {
  readonly from: tf.Tensor2D;
  readonly to: tf.Tensor2D;
  /** the inputs of `taps`: int32 [B, S], and float32 [B] or scalar */
  readonly segments: tf.Tensor;
  readonly causal: tf.Tensor;
}

/** Taps of a convolution of odd width W over segments int32 [B, S]; causal float32 [B] or scalar, undefined when no row is causal. */
export function taps(segments: tf.Tensor, W: number, causal?: tf.Tensor): Taps {
  const [B, S] = segments.shape as [number, number];
  const reach = (W - 1) / 2;
  const here = tf.range(0, B * S, 1, 'int32').reshape([B, S]);
  const padded = tf.pad(
    segments as tf.Tensor2D,
    [
      [0, 0],
      [reach, reach],
    ],
    -1,
  );
  const ahead = causal && tf.lessEqual(causal, 0).reshape([-1, 1]);
  const index = (offset: number, tap: number) => {
    if (offset === 0) return here.reshape([B * S]);
    const same = tf.equal(tf.slice(padded, [0, reach + offset], [B, S]), segments);
    const valid = ahead && tap > 0 ? tf.logicalAnd(same, ahead) : same;
    return tf.where(valid, tf.add(here, tf.scalar(offset, 'int32')), tf.scalar(B * S, 'int32')).reshape([B * S]);
  };
  const offsets = Array.from({ length: W }, (_, j) => j - reach);
  return {
    from: tf.stack(
      offsets.map((offset) => index(offset, offset)),
      1,
    ) as tf.Tensor2D,
    to: tf.stack(
      offsets.map((offset) => index(-offset, offset)),
      1,
    ) as tf.Tensor2D,
    segments,
    causal: causal ?? tf.scalar(0),
  };
}

/** The vectors of x [N, D] that the taps of each position read: [N, W, D]. One gather of whole vectors shifts and masks at once. */
const windows = (x: tf.Tensor, index: tf.Tensor2D) => tf.gather(tf.concat([x, tf.zeros([1, x.shape[1]!])], 0), index);

/** The taps with the residual folded into the middle one, [1, W, D]. */
function withResidual(weight: tf.Tensor): tf.Tensor {
  const [W, D] = weight.shape as [number, number];
  const middle = tf.oneHot(tf.tensor1d([(W - 1) / 2], 'int32'), W).reshape([W, 1]);
  return tf.add(weight, tf.cast(middle, 'float32')).reshape([1, W, D]);
}

/**
 * x + depthwise convolution of x: x [N, D], weight [W, D] → [N, D]. With g the windows of dy under the transposed indices,
 * dx = Σ_j g_j·w_j + dy and dw_j = Σ_n g_j·x: one gather serves both.
 */
export function convolve(x: tf.Tensor, weight: tf.Tensor, { from, to }: Taps): tf.Tensor2D {
  const [W, D] = weight.shape as [number, number];
  return tf.customGrad((x, weight, save) => {
    const w = withResidual(weight as tf.Tensor);
    (save as tf.GradSaveFunc)([x as tf.Tensor, w, to]);
    return {
      value: tf.sum(tf.mul(windows(x as tf.Tensor, from), w), 1),
      gradFunc: (dy, saved) => {
        const [x, w, to] = saved as [tf.Tensor, tf.Tensor, tf.Tensor2D];
        const N = x.shape[0]!;
        const moved = windows(dy, to);
        const dw = sumFirst(tf.mul(moved, x.reshape([N, 1, D])).reshape([N, W * D]));
        return [tf.sum(tf.mul(moved, w), 1), dw.reshape([W, D])];
      },
    };
  })(x, weight) as tf.Tensor2D;
}

/** `convolve` by automatic differentiation. */
export const convolvePlain = (x: tf.Tensor, weight: tf.Tensor, { from }: Taps): tf.Tensor2D =>
  tf.sum(tf.mul(windows(x, from), withResidual(weight)), 1) as tf.Tensor2D;
