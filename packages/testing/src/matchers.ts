/** Largest |actual − expected| ÷ max(1, |expected|), the error that mixes absolute (near 0) and relative; Infinity for unequal lengths or NaN. */
export function maxError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let max = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Object.is(actual[i], expected[i]) ? 0 : Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    if (!(error <= max)) max = Number.isNaN(error) ? Infinity : error;
  }
  return max;
}

/** Throws, naming the worst element, unless `maxError(actual, expected) ≤ tolerance`; `why` says where the tolerance comes from. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { tolerance, why }: { tolerance: number; why: string },
): void {
  const worst = maxError(actual, expected);
  if (worst <= tolerance) return;
  if (actual.length !== expected.length) throw new Error(`expected ${expected.length} numbers, got ${actual.length}`);
  const i = Array.from(expected).findIndex((value, j) => maxError([actual[j]!], [value]) === worst);
  throw new Error(`expected ${expected[i]} at ${i}, got ${actual[i]}: off by ${worst}, tolerance ${tolerance} (${why})`);
}
