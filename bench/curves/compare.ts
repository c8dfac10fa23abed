// How far apart two loss curves are, once the noise of single batches is averaged away.

export interface Comparison {
  /** of the smoothed differences, from step `window` on, nats per token */
  rms: number;
  largest: number;
  mean: number;
  differences: number[];
}

/** Means of `window` neighbours: entry i covers values i … i + window − 1. */
export function smooth(values: readonly number[], window: number): number[] {
  return Array.from(
    { length: Math.max(0, values.length - window + 1) },
    (_, i) => values.slice(i, i + window).reduce((a, b) => a + b, 0) / window,
  );
}

/** `other` − `base`, step by step, then smoothed. @throws RangeError for curves of different lengths or shorter than the window */
export function comparison(base: readonly number[], other: readonly number[], window: number): Comparison {
  if (base.length !== other.length || base.length < window)
    throw new RangeError(`curves: expected the same number of steps, at least ${window}, got ${base.length} and ${other.length}`);
  const differences = smooth(
    base.map((loss, step) => other[step]! - loss),
    window,
  );
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    rms: Math.sqrt(mean(differences.map((value) => value ** 2))),
    largest: Math.max(...differences.map(Math.abs)),
    mean: mean(differences),
    differences,
  };
}

export interface Noise {
  /** mean root mean square of `changed` over that of `seeds` */
  rms: number;
  /** of the held-out differences, and its standard error */
  mean: number;
  error: number;
  within: boolean;
}

/** Student's t, two-sided 95 %, for 1 to 4 degrees of freedom. */
const T = [12.706, 4.303, 3.182, 2.776];

/**
 * Decides if a change, tried with several seeds, does no more than chance. Its curves must be at most one and a half times as far apart as
 * those of two seeds, because any two runs that part for good end that far apart. The mean of its held-out differences must be no further
 * from 0 than chance takes it in 95 of 100 cases.
 */
export function noiseOf(changed: readonly { rms: number; held: number }[], seeds: readonly { rms: number }[]): Noise {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const held = changed.map((pair) => pair.held);
  const n = held.length;
  const [centre, rms] = [mean(held), mean(changed.map((pair) => pair.rms)) / mean(seeds.map((pair) => pair.rms))];
  const error = Math.sqrt(held.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (n - 1) / n);
  return { rms, mean: centre, error, within: rms <= 1.5 && Math.abs(centre) <= (T[n - 2] ?? 2.571) * error };
}
