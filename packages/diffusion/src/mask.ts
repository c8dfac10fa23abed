import { mustBe } from '@mdiff/arguments';
import { check } from './error.js';
import type { Rng } from './random.js';
import { MIN_RATE } from './rate.js';

export type MaskSampling = 'bernoulli' | 'exact_count';

export interface UnitMask {
  /** masked positions in the unit, ascending, 0-based */
  positions: Int32Array;
  /** elbo weight of each masked token's cross-entropy: 1/t, or length/k with an exact count */
  weight: number;
}

/**
 * Corrupts one unit of `length` maskable tokens at mask ratio `t` ∈ (0, 1], the log-linear schedule's time.
 *
 * bernoulli: each token with probability t (the number may be 0), weight 1/t (MDLM, arXiv 2406.07524, section 3).
 * exact_count: exactly k = max(1, round(t·length)) tokens, weight length/k. With k uniform on {1, …, length} both have the same
 * expectation, because ∫ t^{k−1}(1−t)^{L−k} dt = 1/(k·C(L, k)), so that each k has mass 1/L and each mask of k tokens weight L/k.
 */
export function maskUnit(options: { length: number; t: number; sampling: MaskSampling; rng: Rng }): UnitMask {
  mustBe('maskUnit', 'options', options, 'object');
  const { length, t, sampling, rng } = options;
  check(Number.isInteger(length) && length >= 1, () => `maskUnit length: expected an integer >= 1, got ${length}`);
  check(t > 0 && t <= 1, () => `maskUnit t: expected a number > 0 and <= 1, got ${t}`);
  if (sampling === 'exact_count') {
    const k = Math.max(1, Math.round(t * length));
    return { positions: choose(length, k, rng), weight: length / k };
  }
  const picked: number[] = [];
  for (let i = 0; i < length; i++) if (rng.next() < t) picked.push(i);
  return { positions: Int32Array.from(picked), weight: 1 / t };
}

/**
 * The other mask of a pair: every token that `mask` leaves, at the mask ratio 1 − t. Both masks of a pair together hide each token once
 * (Fast-dLLM v2, arXiv 2509.26328, trains on such pairs). The elbo weight is 1/(1 − t), or length/k of its own k; a mask of every token has an
 * empty complement, of weight 0. A ratio below 0.001 weighs as 0.001 does.
 */
export function complementOf(mask: UnitMask, options: { length: number; t: number; sampling: MaskSampling }): UnitMask {
  mustBe('complementOf', 'mask', mask, 'object');
  mustBe('complementOf', 'options', options, 'object');
  const { length, t, sampling } = options;
  const hidden = new Set(mask.positions);
  const positions = Int32Array.from({ length }, (_, i) => i).filter((i) => !hidden.has(i));
  if (positions.length === 0) return { positions, weight: 0 };
  return { positions, weight: sampling === 'exact_count' ? length / positions.length : 1 / Math.max(MIN_RATE, 1 - t) };
}

/** A uniformly drawn k-subset of {0, …, n − 1}, ascending: selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S). */
export function choose(n: number, k: number, rng: Rng): Int32Array {
  const out = new Int32Array(k);
  for (let i = 0, chosen = 0; chosen < k; i++) {
    if ((n - i) * rng.next() < k - chosen) out[chosen++] = i;
  }
  return out;
}
