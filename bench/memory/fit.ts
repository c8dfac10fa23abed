// The two numbers of an engine that `estimateMemory` takes: peak ≈ state + activationFactor · activations + baseBytes.

export interface Point {
  /** measured, bytes */
  peak: number;
  /** what the formula gives with a factor of 1 and no base: copies of the parameters; activations and logits */
  state: number;
  activations: number;
}

export interface Fit {
  activationFactor: number;
  baseBytes: number;
}

/** Least squares of the relative errors, so that a small model counts as much as a large one. @throws RangeError for fewer than two sizes */
export function fitOf(points: readonly Point[]): Fit {
  let [aa, ab, bb, ya, yb] = [0, 0, 0, 0, 0];
  for (const { peak, state, activations } of points) {
    const [a, b, y] = [activations / peak, 1 / peak, (peak - state) / peak];
    aa += a * a;
    ab += a * b;
    bb += b * b;
    ya += y * a;
    yb += y * b;
  }
  const determinant = aa * bb - ab * ab;
  if (!(determinant > 1e-9 * aa * bb)) throw new RangeError('points: expected at least two sizes with different activations');
  return { activationFactor: (ya * bb - yb * ab) / determinant, baseBytes: (yb * aa - ya * ab) / determinant };
}

/** Estimate over measured, minus 1. */
export const errorOf = ({ peak, state, activations }: Point, { activationFactor, baseBytes }: Fit): number => (state + activationFactor * activations + baseBytes) / peak - 1;
