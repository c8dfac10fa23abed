import * as tf from '@tensorflow/tfjs';
import { sumFirst } from './rows.js';

/**
 * Where each tap of the depthwise convolution reads. Row j of `from` holds, for every flattened position n, the position
 * n + j − W/2 that tap j reads there, or N (a row of zeros) when the tap would leave the row or the segment, or look
 * ahead in a causal row. `to` is the transpose: the position whose output tap j carried n into, which the gradient reads.
 * The middle tap reads n itself and has no row.
 */
export interface Taps {
  readonly from: readonly tf.Tensor[];
  readonly to: readonly tf.Tensor[];
}

/** Taps of a convolution of width W over segments int32 [B, S]; causal float32 [B] or scalar, or undefined when no row is. */
export function taps(segments: tf.Tensor, W: number, causal?: tf.Tensor): Taps {
  const [B, S] = segments.shape as [number, number];
  const reach = (W - 1) / 2;
  const here = tf.range(0, B * S, 1, 'int32').reshape([B, S]);
  const padded = tf.pad(segments as tf.Tensor2D, [[0, 0], [reach, reach]], -1);
  const same = (offset: number) => tf.equal(tf.slice(padded, [0, reach + offset], [B, S]), segments);
  const ahead = causal && tf.lessEqual(causal, 0).reshape([-1, 1]);
  const index = (offset: number, tap: number) => {
    const valid = ahead && tap > 0 ? tf.logicalAnd(same(offset), ahead) : same(offset);
    return tf.where(valid, tf.add(here, tf.scalar(offset, 'int32')), tf.scalar(B * S, 'int32')).reshape([B * S]);
  };
  const offsets = sides(W).map((j) => j - reach);
  return { from: offsets.map((offset) => index(offset, offset)), to: offsets.map((offset) => index(-offset, offset)) };
}

/** The taps beside the middle one. */
const sides = (W: number) => Array.from({ length: W }, (_, j) => j).filter((j) => j !== (W - 1) / 2);

const withZero = (x: tf.Tensor) => tf.concat([x, tf.zeros([1, x.shape[1]!])], 0);
const tap = (weight: tf.Tensor, j: number) => tf.slice(weight, [j, 0], [1, weight.shape[1]!]);

/**
 * x + depthwise convolution of x: x [N, D], weight [W, D] → [N, D]. Each tap is one gather of whole rows, which shifts
 * and masks at once; the gradient gathers with the transposed indices, so the same pieces give dx and the tap weights.
 */
export function convolve(x: tf.Tensor, weight: tf.Tensor, { from, to }: Taps): tf.Tensor2D {
  const W = weight.shape[0]!;
  const middle = (W - 1) / 2;
  return tf.customGrad((x, weight, save) => {
    const input = x as tf.Tensor;
    const w = weight as tf.Tensor;
    (save as tf.GradSaveFunc)([input, w, ...to]);
    return {
      value: spread(input, w, from),
      gradFunc: (dy, saved) => {
        const [input, w, ...to] = saved as [tf.Tensor, tf.Tensor, ...tf.Tensor[]];
        const source = withZero(dy);
        const moved = to.map((index) => tf.gather(source, index as tf.Tensor1D));
        moved.splice(middle, 0, dy);
        const dx = moved.reduce((sum, piece, j) => tf.add(sum, tf.mul(piece, tap(w, j))), dy);
        return [dx, tf.stack(moved.map((piece) => sumFirst(tf.mul(piece, input))))];
      },
    };
  })(x, weight) as tf.Tensor2D;
}

function spread(x: tf.Tensor, weight: tf.Tensor, from: readonly tf.Tensor[]): tf.Tensor2D {
  const W = weight.shape[0]!;
  const source = withZero(x);
  const centre = tf.mul(x, tf.add(tap(weight, (W - 1) / 2), 1));
  return sides(W).reduce((sum, j, i) => tf.add(sum, tf.mul(tf.gather(source, from[i] as tf.Tensor1D), tap(weight, j))), centre) as tf.Tensor2D;
}

/** The same by automatic differentiation. */
export function convolvePlain(x: tf.Tensor, weight: tf.Tensor, { from }: Taps): tf.Tensor2D {
  return spread(x, weight, from);
}
