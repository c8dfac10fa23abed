import { tf } from './tf.js';
import { sumLast } from './rows.js';

/** Keeps log(p) finite when p underflows; the smallest normal float32. The gradient does not pass through it. */
const TINY = 1.2e-38;

/** The targets of a loss at M positions. */
export interface LossTargets {
  /** the head's vectors of the targets, head[targets] [M, D] */
  readonly goals: tf.Tensor;
  /** int32 [M] */
  readonly targets: tf.Tensor;
  /** float32 [M] */
  readonly weights: tf.Tensor;
  /** share of each target that is spread over all tokens but [MASK]; 0 by default */
  readonly smoothing?: number;
}

/**
 * Weighted cross-entropy of a linear head under SUBS: h [M, D], head [V, D], t = goals [M, D] → scalar Σ weights·CE, nats.
 *
 * The logit of [MASK] (id 0) is −∞ (MDLM, arXiv 2406.07524, section 3.2.3): its row is sliced off the head, which
 * costs a copy of the head instead of a pass over the logits. With P the probabilities,
 * dh = w(P·head − t), d head = Pᵀ·(w·h) and dt = −w·h: P is the only array of shape [M, V] that is ever written.
 * With label smoothing ε the target is (1−ε)·onehot + ε/(V−1) over all tokens but [MASK], and t becomes (1−ε)t + ε·mean(head).
 */
export function crossEntropy(h: tf.Tensor, head: tf.Tensor, { goals, targets, weights, smoothing = 0 }: LossTargets): tf.Scalar {
  const [V, D] = head.shape as [number, number];
  const M = h.shape[0]!;
  return tf.customGrad((h, head, goals, save) => {
    const hidden = h as tf.Tensor;
    const t = goals as tf.Tensor;
    const words = tf.slice(head as tf.Tensor, [1, 0], [V - 1, D]);
    const P = tf.softmax(tf.matMul(hidden, words, false, true));
    const w = weights.reshape([M, 1]);
    let ce = nll(P, targets);
    let goal = t;
    if (smoothing > 0) {
      const mean = tf.mean(words, 0, true);
      ce = tf.add(ce, tf.mul(sumLast(tf.mul(hidden, tf.sub(t, mean))), smoothing));
      goal = tf.add(tf.mul(t, 1 - smoothing), tf.mul(mean, smoothing));
    }
    (save as tf.GradSaveFunc)([hidden, words, goal, P, w]);
    return {
      value: tf.sum(tf.mul(ce, w)),
      gradFunc: (dy, saved) => {
        const [hidden, words, goal, P, w] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const scale = tf.mul(w, dy);
        const weighted = tf.mul(hidden, scale);
        let dWords = tf.matMul(P, weighted, true, false);
        let dGoals = tf.neg(weighted);
        if (smoothing > 0) {
          dWords = tf.sub(dWords, tf.mul(tf.sum(weighted, 0, true), smoothing / (V - 1)));
          dGoals = tf.mul(dGoals, 1 - smoothing);
        }
        const dHidden = tf.mul(tf.sub(tf.matMul(P, words), goal), scale);
        return [
          dHidden,
          tf.pad(dWords as tf.Tensor2D, [
            [1, 0],
            [0, 0],
          ]),
          dGoals,
        ];
      },
    };
  })(h, head, goals) as tf.Scalar;
}

/** −log P[target] of probabilities without the [MASK] column: P [M, V−1], targets int32 [M] → [M, 1]. */
function nll(P: tf.Tensor, targets: tf.Tensor): tf.Tensor2D {
  const columns = tf.sub(targets, tf.scalar(1, 'int32')).reshape([-1, 1]);
  return tf.neg(tf.log(tf.add(tf.gather(P, columns as tf.Tensor2D, 1, 1), TINY)));
}

/** Cross-entropy at each position, nats, without weights or smoothing: h [M, D], head [V, D], targets int32 [M] → [M]. */
export function entropyPerPosition(h: tf.Tensor, head: tf.Tensor, targets: tf.Tensor): tf.Tensor1D {
  const [V, D] = head.shape as [number, number];
  return nll(tf.softmax(tf.matMul(h, tf.slice(head, [1, 0], [V - 1, D]), false, true)), targets).reshape([-1]);
}

/** `crossEntropy` by automatic differentiation; the gradient reaches the head through `head` and through `goals`. */
export function crossEntropyPlain(h: tf.Tensor, head: tf.Tensor, { goals, weights, smoothing = 0 }: LossTargets): tf.Scalar {
  const [V, D] = head.shape as [number, number];
  const logits = tf.matMul(h, tf.slice(head, [1, 0], [V - 1, D]), false, true);
  const lse = tf.logSumExp(logits, -1);
  const hit = h.mul(goals).sum(-1);
  const ce = smoothing > 0 ? lse.sub(hit.mul(1 - smoothing)).sub(logits.mean(-1).mul(smoothing)) : lse.sub(hit);
  return ce.mul(weights).sum();
}
