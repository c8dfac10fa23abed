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
  return Array.from({ length: Math.max(0, values.length - window + 1) }, (_, i) => values.slice(i, i + window).reduce((a, b) => a + b, 0) / window);
}

/** `other` − `base`, step by step, then smoothed. @throws RangeError for curves of different lengths or shorter than the window */
export function comparison(base: readonly number[], other: readonly number[], window: number): Comparison {
  if (base.length !== other.length || base.length < window) throw new RangeError(`curves: expected the same number of steps, at least ${window}, got ${base.length} and ${other.length}`);
  const differences = smooth(base.map((loss, step) => other[step]! - loss), window);
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    rms: Math.sqrt(mean(differences.map((value) => value ** 2))),
    largest: Math.max(...differences.map(Math.abs)),
    mean: mean(differences),
    differences,
  };
}
