import * as tf from '@tensorflow/tfjs';
import { sumLast } from './rows.js';

/** Keeps log(p) finite when p underflows; the smallest normal float32. The gradient does not pass through it. */
const TINY = 1.2e-38;

/**
 * Weighted cross-entropy of a linear head under SUBS: h [M, D], head [V, D], target rows t = head[targets] [M, D],
 * targets int32 [M], weights [M] → scalar Σ weights·CE, nats.
 *
 * The logit of [MASK] (id 0) is −∞ (MDLM, arXiv 2406.07524, section 3.2.3): its row of the head is sliced off, which
 * costs a copy of the head instead of a pass over the logits. With P the probabilities,
 * dh = w(P·head − t), d head = Pᵀ·(w·h) and dt = −w·h: nothing of shape [M, V] but P itself is ever written.
 * With label smoothing ε the target is (1−ε)·onehot + ε/(V−1) over all tokens but [MASK], and t becomes (1−ε)t + ε·mean(head).
 */
export function crossEntropy(h: tf.Tensor, head: tf.Tensor, t: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, smoothing = 0): tf.Scalar {
  const [V, D] = head.shape as [number, number];
  const M = h.shape[0]!;
  return tf.customGrad((h, head, t, save) => {
    const hidden = h as tf.Tensor;
    const rows = t as tf.Tensor;
    const words = tf.slice(head as tf.Tensor, [1, 0], [V - 1, D]);
    const P = tf.softmax(tf.matMul(hidden, words, false, true));
    const w = weights.reshape([M, 1]);
    let ce = nll(P, targets);
    let goal = rows;
    if (smoothing > 0) {
      const mean = tf.mean(words, 0, true);
      ce = tf.add(ce, tf.mul(sumLast(tf.mul(hidden, tf.sub(rows, mean))), smoothing));
      goal = tf.add(tf.mul(rows, 1 - smoothing), tf.mul(mean, smoothing));
    }
    (save as tf.GradSaveFunc)([hidden, words, goal, P, w]);
    return {
      value: tf.sum(tf.mul(ce, w)),
      gradFunc: (dy, saved) => {
        const [hidden, words, goal, P, w] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const scale = tf.mul(w, dy);
        const weighted = tf.mul(hidden, scale);
        let dWords = tf.matMul(P, weighted, true, false);
        let dRows = tf.neg(weighted);
        if (smoothing > 0) {
          dWords = tf.sub(dWords, tf.mul(tf.sum(weighted, 0, true), smoothing / (V - 1)));
          dRows = tf.mul(dRows, 1 - smoothing);
        }
        const dHidden = tf.mul(tf.sub(tf.matMul(P, words), goal), scale);
        return [dHidden, tf.pad(dWords as tf.Tensor2D, [[1, 0], [0, 0]]), dRows];
      },
    };
  })(h, head, t) as tf.Scalar;
}

/** −log P[target] of probabilities without the [MASK] column: P [M, V−1], targets int32 [M] → [M, 1]. */
function nll(P: tf.Tensor, targets: tf.Tensor): tf.Tensor2D {
  const at = tf.sub(targets, tf.scalar(1, 'int32')).reshape([-1, 1]);
  return tf.neg(tf.log(tf.add(tf.gather(P, at as tf.Tensor2D, 1, 1), TINY)));
}

/** Cross-entropy of each row, nats, without weights or smoothing: h [M, D], head [V, D], targets int32 [M] → [M]. */
export function rowEntropy(h: tf.Tensor, head: tf.Tensor, targets: tf.Tensor): tf.Tensor1D {
  const [V, D] = head.shape as [number, number];
  return nll(tf.softmax(tf.matMul(h, tf.slice(head, [1, 0], [V - 1, D]), false, true)), targets).reshape([-1]);
}

/** `crossEntropy` by automatic differentiation, with a one-hot over V; the gradient reaches the head through both arguments. */
export function crossEntropyPlain(h: tf.Tensor, head: tf.Tensor, t: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, smoothing = 0): tf.Scalar {
  const [V, D] = head.shape as [number, number];
  const logits = tf.matMul(h, tf.slice(head, [1, 0], [V - 1, D]), false, true);
  const lse = tf.logSumExp(logits, -1);
  const hit = h.mul(t).sum(-1);
  const ce = smoothing > 0 ? lse.sub(hit.mul(1 - smoothing)).sub(logits.mean(-1).mul(smoothing)) : lse.sub(hit);
  return ce.mul(weights).sum();
}
