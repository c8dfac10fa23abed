import { tf } from './tf.js';
import { sumLast } from './rows.js';

/** Added to the score of a forbidden pair: exp(−10⁹) is exactly 0 in float32, and unlike −∞ it never makes a NaN. */
const FORBIDDEN = -1e9;

/**
 * The bias that is added to the score of each pair: 0 where the pair may attend, −10⁹ elsewhere, [B, 1, S, S]. Query and key must
 * have the same segment; in causal rows the key must not come after the query. PAD (segment 0) attends to PAD only, so its hidden
 * states are finite and influence nothing.
 * @param segments int32 [B, S]
 * @param causal float32 [B] or scalar, 1 = only the past; undefined = no row is causal
 */
export function pairBias(segments: tf.Tensor, causal?: tf.Tensor): tf.Tensor4D {
  const [B, S] = segments.shape as [number, number];
  const apart = tf.cast(tf.notEqual(segments.reshape([B, S, 1]), segments.reshape([B, 1, S])), 'float32');
  let forbidden: tf.Tensor = apart;
  if (causal) {
    const positions = tf.range(0, S, 1, 'int32');
    const later = tf.cast(tf.greater(positions.reshape([1, 1, S]), positions.reshape([1, S, 1])), 'float32');
    forbidden = tf.maximum(apart, tf.mul(later, causal.reshape([-1, 1, 1])));
  }
  return tf.mul(forbidden, FORBIDDEN).reshape([B, 1, S, S]);
}

/**
 * softmax(q·kᵀ + bias)·v: q, k, v [B, H, S, K] (q already divided by √K), bias [B, 1, S, S], optional dropout
 * mask [B, H, S, S] on the weights → [B, H, S, K]. The softmax gradient needs Σ_j P_ij·dP_ij, which equals dO·O
 * (FlashAttention, arXiv 2205.14135, appendix B.2): a pass over K numbers instead of S, with or without dropout.
 */
export function attend(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, bias: tf.Tensor, dropout?: tf.Tensor): tf.Tensor4D {
  return tf.customGrad((q, k, v, save) => {
    const weights = tf.softmax(tf.add(tf.matMul(q as tf.Tensor, k as tf.Tensor, false, true), bias));
    const dropped = dropout ? tf.mul(weights, dropout) : weights;
    const out = tf.matMul(dropped, v as tf.Tensor);
    const kept = [q as tf.Tensor, k as tf.Tensor, v as tf.Tensor, weights, out];
    (save as tf.GradSaveFunc)(dropout ? [...kept, dropped, dropout] : kept);
    return {
      value: out,
      gradFunc: (dy, saved) => {
        const [q, k, v, weights, out, dropped = weights, dropout] = saved as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
          tf.Tensor?,
          tf.Tensor?,
        ];
        const [B, H, S] = out.shape as [number, number, number];
        const raw = tf.matMul(dy, v, false, true);
        const inner = sumLast(tf.mul(dy, out)).reshape([B, H, S, 1]);
        const scores = tf.mul(weights, tf.sub(dropout ? tf.mul(raw, dropout) : raw, inner));
        return [tf.matMul(scores, k), tf.matMul(scores, q, true, false), tf.matMul(dropped, dy, true, false)];
      },
    };
  })(q, k, v) as tf.Tensor4D;
}

/** `attend` by automatic differentiation. */
export function attendPlain(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, bias: tf.Tensor, dropout?: tf.Tensor): tf.Tensor4D {
  const weights = tf.softmax(tf.matMul(q, k, false, true).add(bias));
  return tf.matMul(dropout ? weights.mul(dropout) : weights, v) as tf.Tensor4D;
}

/** Cosines and signed sines of a rotation, both [S, K]. */
export interface Rotation {
  readonly cos: tf.Tensor;
  readonly sin: tf.Tensor;
}

/**
 * Rotary position tables (RoFormer, arXiv 2104.09864, section 3.4.2, rotate-half form, base 10000) for positions 0…length−1.
 * The first half of `sin` carries the minus sign of rotate-half.
 */
export function rotation(length: number, K: number): { cos: Float32Array; sin: Float32Array } {
  const cos = new Float32Array(length * K);
  const sin = new Float32Array(length * K);
  const half = K / 2;
  for (let s = 0; s < length; s++) {
    for (let i = 0; i < half; i++) {
      const angle = s * 10000 ** (-i / half);
      const index = s * K + i;
      cos[index] = cos[index + half] = Math.cos(angle);
      sin[index] = -Math.sin(angle);
      sin[index + half] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Swaps the two halves of the last axis: one gather of half rows is cheaper than a split and a concatenation. */
function swap(x: tf.Tensor): tf.Tensor {
  const [B, H, S, K] = x.shape as [number, number, number, number];
  return tf.gather(x.reshape([B, H, S, 2, K / 2]), tf.tensor1d([1, 0], 'int32'), 3).reshape([B, H, S, K]);
}

/** Rotates each pair (i, i + K/2) of x [B, H, S, K] by its position's angle; the gradient rotates back. */
export function rotate(x: tf.Tensor, { cos, sin }: Rotation): tf.Tensor4D {
  return tf.customGrad((x, save) => {
    (save as tf.GradSaveFunc)([cos, sin]);
    return {
      value: tf.add(tf.mul(x as tf.Tensor, cos), tf.mul(swap(x as tf.Tensor), sin)),
      gradFunc: (dy, saved) => {
        const [cos, sin] = saved as [tf.Tensor, tf.Tensor];
        return tf.add(tf.mul(dy, cos), swap(tf.mul(dy, sin)));
      },
    };
  })(x) as tf.Tensor4D;
}

/** `rotate` by automatic differentiation. */
export const rotatePlain = (x: tf.Tensor, { cos, sin }: Rotation): tf.Tensor4D => x.mul(cos).add(swap(x).mul(sin)) as tf.Tensor4D;
