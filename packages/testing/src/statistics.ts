/** Half the sum of absolute differences of two distributions: 0 = equal, 1 = disjoint. */
export function totalVariation(p: ArrayLike<number>, q: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += Math.abs(p[i]! - q[i]!);
  return sum / 2;
}

/**
 * A bound on the total variation between a distribution over `cells` cells and the frequencies of `samples` draws from it, exceeded with
 * a chance of at most `risk`: its mean is at most ½√(cells/samples) (Cauchy–Schwarz), and one draw moves it by at most 1/samples, so that it
 * exceeds its mean by √(ln(1/risk)/(2·samples)) with chance at most `risk` (McDiarmid's inequality).
 */
export function totalVariationBound(cells: number, samples: number, risk: number): number {
  return 0.5 * Math.sqrt(cells / samples) + Math.sqrt(Math.log(1 / risk) / (2 * samples));
}

/**
 * Pearson's chi-square of observed counts against probabilities, as a standard normal deviate by the Wilson–Hilferty transformation
 * (1931): above 4 once in 30,000 tries when the counts come from these probabilities. Cells of probability 0 must be empty.
 */
export function chiSquareDeviate(counts: ArrayLike<number>, probabilities: ArrayLike<number>): number {
  let samples = 0;
  for (let i = 0; i < counts.length; i++) samples += counts[i]!;
  let statistic = 0;
  let degrees = -1;
  for (let i = 0; i < counts.length; i++) {
    const expected = samples * probabilities[i]!;
    if (expected === 0 && counts[i]! > 0) return Infinity;
    if (expected === 0) continue;
    degrees++;
    statistic += (counts[i]! - expected) ** 2 / expected;
  }
  const spread = 2 / (9 * degrees);
  return (Math.cbrt(statistic / degrees) - (1 - spread)) / Math.sqrt(spread);
}
