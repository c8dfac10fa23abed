import { mustBe } from '@mdiff/arguments';
import { check } from './error.js';
import type { Rng } from './random.js';

export type TimeSampling = 'low_discrepancy' | 'uniform' | 'bell';

export interface RateOptions {
  /** R, the number of units in the whole step, over accumulation and workers */
  count: number;
  /** [min, max] with 0.001 ≤ min ≤ max ≤ 1 */
  range: readonly [number, number];
  /** chance that a unit's rate is drawn from (0.001, 1] instead, 0..1 */
  fullRangeFraction: number;
  sampling: TimeSampling;
  rng: Rng;
}

/** The smallest masking rate: below it the elbo weight 1/t is mostly noise. */
export const MIN_RATE = 0.001;

/**
 * Masking rates t of the units of one optimiser step, each with the factor its loss is multiplied by (1 unless `bell`).
 *
 * low_discrepancy: x_i = (u + i)/R mod 1 with one u per step (VDM, arXiv 2107.00630, appendix I). uniform: independent x.
 * bell: the low-discrepancy points pass through the inverse distribution function of q(x) = ½ + 3x(1 − x), factor 1/q(x) ∈ [0.8, 2]
 * (after arXiv 2605.13026). Then t = min + (max − min)·x.
 */
export function drawRates(options: RateOptions): { t: Float64Array; importance: Float64Array } {
  mustBe('drawRates', 'options', options, 'object');
  const { count, range, fullRangeFraction, sampling, rng } = options;
  const [min, max] = range;
  check(Number.isInteger(count) && count >= 0, () => `drawRates count: expected an integer >= 0, got ${count}`);
  check(
    min >= MIN_RATE && min <= max && max <= 1,
    () => `drawRates range: expected [min, max] with ${MIN_RATE} <= min <= max <= 1, got [${min}, ${max}]`,
  );
  check(
    fullRangeFraction >= 0 && fullRangeFraction <= 1,
    () => `drawRates fullRangeFraction: expected a number from 0 to 1, got ${fullRangeFraction}`,
  );
  const t = new Float64Array(count);
  const importance = new Float64Array(count).fill(1);
  const u = rng.next();
  for (let i = 0; i < count; i++) {
    let x = sampling === 'uniform' ? rng.next() : ((u + i) / count) % 1;
    if (sampling === 'bell') {
      x = bellQuantile(x);
      importance[i] = 1 / bellDensity(x);
    }
    // 1 − x keeps the full range open at 0.001 and closed at 1
    t[i] = rng.next() < fullRangeFraction ? 1 - (1 - MIN_RATE) * x : min + (max - min) * x;
  }
  return { t, importance };
}

const bellDensity = (x: number): number => 0.5 + 3 * x * (1 - x);

/** Inverse of Q(x) = x/2 + 3x²/2 − x³. With z = x − ½ = √(5/3)·sin θ, Q − ½ = 5z/4 − z³ becomes (5/3)^{3/2}·sin(3θ)/4. */
function bellQuantile(p: number): number {
  const a = Math.sqrt(5 / 3);
  return 0.5 + a * Math.sin(Math.asin((4 * (p - 0.5)) / a ** 3) / 3);
}
