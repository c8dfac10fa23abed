import { mustBe } from '@mdiff/arguments';
import { check } from './error.js';
import { choose } from './mask.js';
import { shuffle, stream } from './random.js';

/** One fixed mask of one held-out unit. */
export interface EvaluationMask {
  /** index into `lengths` */
  unit: number;
  /** mask ratio k/length */
  t: number;
  /** k masked positions in the unit, ascending */
  positions: Int32Array;
  /** length/k */
  weight: number;
  /** maskable tokens of the unit */
  maskable: number;
  /** true for one mask of each unit: those of all units cover the whole range evenly too, so a brief evaluation can take them alone */
  brief: boolean;
}

/**
 * The fixed held-out masks: `levels` masks of every unit, the same for the same arguments. Mask counts k are uniform on {1, …, length}
 * and stratified, within each unit over its levels and over units by low discrepancy, in an order unrelated to that of the units.
 *
 * Σ weight·CE ÷ Σ maskable over all masks is an unbiased estimate of the NELBO in nats per token: with an exact count the whole range
 * t ∈ (0, 1] is covered, with no cut at small t (see `maskUnit`). Sorted by unit, then by level.
 */
export function stratifiedMasks(options: { lengths: readonly number[]; levels: number; seed: number }): EvaluationMask[] {
  mustBe('stratifiedMasks', 'options', options, 'object');
  const { lengths, levels, seed } = options;
  check(Number.isInteger(levels) && levels >= 1, () => `stratifiedMasks levels: expected an integer >= 1, got ${levels}`);
  const rng = stream(seed, 'stratified masks');
  const u = rng.next();
  const order = shuffle(
    rng,
    lengths.map((_, i) => i),
  );
  // From another stream, so that the masks are those of releases that had no brief ones.
  const start = Math.floor(stream(seed, 'brief masks').next() * levels);
  return lengths.flatMap((length, unit) => {
    check(Number.isInteger(length) && length >= 1, () => `stratifiedMasks lengths[${unit}]: expected an integer >= 1, got ${length}`);
    const offset = ((u + order[unit]!) / lengths.length) % 1;
    // Units whose offsets are neighbours have different levels.
    const chosen = (order[unit]! + start) % levels;
    return Array.from({ length: levels }, (_, level): EvaluationMask => {
      // min: rounding may carry the last point to 1
      const k = 1 + Math.min(length - 1, Math.floor(((offset + level) / levels) * length));
      return { unit, t: k / length, positions: choose(length, k, rng), weight: length / k, maskable: length, brief: level === chosen };
    });
  });
}

/** A denoiser's result on one `EvaluationMask`. */
export interface EvaluationResult extends Pick<EvaluationMask, 'unit' | 't' | 'weight' | 'maskable'> {
  /** Σ cross-entropy over the masked positions, in nats */
  crossEntropy: number;
}

export interface NelboEstimate {
  /** nats per token */
  nelbo: number;
  /** of `nelbo`, over units, so that it covers the choice of text and of masks; NaN with fewer than two units */
  standardError: number;
  units: number;
  /** maskable tokens, each unit counted once */
  tokens: number;
}

/**
 * NELBO in nats per token with its standard error: a ratio estimate clustered by unit (Cochran, Sampling Techniques, chapter 6),
 * Var = n/(n−1)·Σ(y_i − r·L_i)²/(ΣL_i)², where y_i is the unit's mean of weight·CE over its masks.
 */
export function nelboEstimate(results: readonly EvaluationResult[]): NelboEstimate {
  mustBe('nelboEstimate', 'results', results, 'list');
  const units = new Map<number, { sum: number; masks: number; maskable: number }>();
  for (const { unit, weight, crossEntropy, maskable } of results) {
    const entry = units.get(unit) ?? { sum: 0, masks: 0, maskable };
    entry.sum += weight * crossEntropy;
    entry.masks++;
    units.set(unit, entry);
  }
  const n = units.size;
  let total = 0;
  let tokens = 0;
  for (const { sum, masks, maskable } of units.values()) {
    total += sum / masks;
    tokens += maskable;
  }
  const nelbo = total / tokens;
  let squares = 0;
  for (const { sum, masks, maskable } of units.values()) squares += (sum / masks - nelbo * maskable) ** 2;
  const standardError = n > 1 ? Math.sqrt((n / (n - 1)) * squares) / tokens : NaN;
  return { nelbo, standardError, units: n, tokens };
}

export interface RatioBucket {
  /** mask ratios in (from, to] */
  from: number;
  to: number;
  masks: number;
  /** masked tokens */
  tokens: number;
  /** mean cross-entropy of a masked token, nats; NaN without any */
  crossEntropy: number;
}

/** Mean cross-entropy of masked tokens by mask ratio, in `count` equal buckets of (0, 1]. */
export function bucketsByRatio(results: readonly EvaluationResult[], count = 10): RatioBucket[] {
  mustBe('bucketsByRatio', 'results', results, 'list');
  mustBe('bucketsByRatio', 'count', count, 'number');
  const buckets = Array.from({ length: count }, (_, i) => ({ from: i / count, to: (i + 1) / count, masks: 0, tokens: 0, sum: 0 }));
  for (const { t, maskable, crossEntropy } of results) {
    const bucket = buckets.find(({ to }) => t <= to) ?? buckets[count - 1]!;
    bucket.masks++;
    bucket.tokens += Math.round(t * maskable);
    bucket.sum += crossEntropy;
  }
  return buckets.map(({ sum, ...bucket }) => ({ ...bucket, crossEntropy: sum / bucket.tokens }));
}
