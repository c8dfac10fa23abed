import { tf } from '@mdiff/model';
import { fast } from '@mdiff/model';
import type { Ops } from '@mdiff/model';
import { foreign } from '@mdiff/trace';

// Pieces of the denoiser as one ONNX operator instead of several. The formulas are those of @mdiff/model; the parity tests compare the two.

/** Operators that `toOnnx` takes as they are, and the first operator set that has them all. */
export const OPERATORS = ['RotaryEmbedding'] as const;
export const OPSET = 23;

/** One pass over x. Two products, a sum and an exchange of halves would be four. */
const rotate: Ops['rotate'] = (x, { cos, sin }) => {
  const [B, , S, K] = x.shape as [number, number, number, number];
  // The operator takes half of each table, once for every row, and the sines without rotate-half's minus sign.
  const table = (full: tf.Tensor, from: number): tf.Tensor =>
    tf.tile(tf.slice(full, [0, from], [S, K / 2]).reshape([1, S, K / 2]), [B, 1, 1]);
  const turn = (x: tf.Tensor, sine: tf.Tensor): tf.Tensor =>
    foreign('RotaryEmbedding', [x, table(cos, 0), table(sine, K / 2)], [x.shape], { interleaved: false })[0]!;
  return tf.customGrad((x) => ({ value: turn(x as tf.Tensor, sin), gradFunc: (dy) => turn(dy, tf.neg(sin)) }))(x) as tf.Tensor4D;
};

export const operatorOps: Ops = { ...fast, rotate };
