// The numbers of an engine that `estimateMemory` takes: peak ≈ stateFactor · state + activationFactor · activations + baseBytes.

export interface Point {
  /** measured, bytes */
  peak: number;
  /** what the formula gives with factors of 1 and no base: copies of the parameters; activations and logits */
  state: number;
  activations: number;
}

export interface Fit {
  stateFactor: number;
  activationFactor: number;
  baseBytes: number;
}

const terms = ({ state, activations }: Point): number[] => [state, activations, 1];

/** Least squares of the relative errors, so that a small model counts as much as a large one. @throws RangeError for sizes that cannot tell the three apart */
export function fitOf(points: readonly Point[]): Fit {
  // Normal equations with columns of length 1, which keeps bytes and factors comparable.
  const columns = [0, 1, 2].map((i) => points.map((point) => terms(point)[i]! / point.peak));
  const lengths = columns.map((column) => Math.hypot(...column));
  const unit = columns.map((column, i) => column.map((value) => value / lengths[i]!));
  const rows = unit.map((a) => [
    ...unit.map((b) => a.reduce((sum, value, k) => sum + value * b[k]!, 0)),
    a.reduce((sum, value) => sum + value, 0),
  ]);
  for (let i = 0; i < 3; i++) {
    // Positive definite: no pivoting. A pivot near 0 is a column that the others explain.
    const pivot = rows[i]![i]!;
    if (!(pivot > 1e-6)) throw new RangeError('points: expected sizes with different parameters and activations, at least three');
    for (let j = 0; j < 3; j++) {
      if (j === i) continue;
      const factor = rows[j]![i]! / pivot;
      for (let k = i; k < 4; k++) rows[j]![k]! -= factor * rows[i]![k]!;
    }
  }
  const [stateFactor, activationFactor, baseBytes] = rows.map((row, i) => row[3]! / row[i]! / lengths[i]!) as [number, number, number];
  return { stateFactor, activationFactor, baseBytes };
}

/** Estimate over measured, minus 1. */
export const errorOf = ({ peak, state, activations }: Point, fit: Fit): number =>
  (fit.stateFactor * state + fit.activationFactor * activations + fit.baseBytes) / peak - 1;
