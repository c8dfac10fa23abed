import { allSequences, conditionals, expectClose, probability } from '@mdiff/testing';
import { describe, expect, it } from 'vitest';
import { type EvaluationMask, type EvaluationResult, bucketsByRatio, nelboEstimate, stratifiedMasks } from './evaluation.js';

const chain = {
  initial: [0.6, 0.3, 0.1],
  transition: [
    [0.7, 0.2, 0.1],
    [0.1, 0.3, 0.6],
    [0.3, 0.4, 0.3],
  ],
};

/** Σ cross-entropy of the exact denoiser over the masked positions, in nats */
function crossEntropy(states: readonly number[], positions: ArrayLike<number>): number {
  const masked = new Set(Array.from(positions));
  const table = conditionals(
    chain,
    states.map((s, i) => (masked.has(i) ? null : s)),
  );
  return Array.from(masked).reduce((sum, i) => sum - Math.log(table[i]![states[i]!]!), 0);
}

const evaluate = (texts: readonly (readonly number[])[], masks: readonly EvaluationMask[]): EvaluationResult[] =>
  masks.map((mask) => ({ ...mask, crossEntropy: crossEntropy(texts[mask.unit]!, mask.positions) }));

describe('the k-masked NELBO', () => {
  const L = 5;
  const subsets = Array.from({ length: 2 ** L - 1 }, (_, bits) =>
    Array.from({ length: L }, (_, i) => i).filter((i) => ((bits + 1) >> i) & 1),
  );
  const binomial = (n: number, k: number): number => (k === 0 ? 1 : (binomial(n - 1, k - 1) * n) / k);
  const texts = allSequences(3, L).filter((_, i) => i % 9 === 4);

  it('of the exact denoiser is −ln p(x), as the chain rule says, for every sequence', () => {
    for (const x of texts) {
      const nelbo = subsets.reduce((sum, s) => sum + crossEntropy(x, s) / (s.length * binomial(L, s.length)), 0);
      expectClose([nelbo], [-Math.log(probability(chain, x))], { tolerance: 1e-13, why: 'a sum of 31 float64 terms' });
    }
  });

  it('equals the continuous-time integral of Σ CE/t over t', () => {
    const x = texts[7]!;
    const steps = 500;
    const losses = subsets.map((s) => crossEntropy(x, s));
    let integral = 0;
    for (let i = 0; i < steps; i++) {
      const t = (i + 0.5) / steps;
      for (const [j, s] of subsets.entries()) integral += (t ** (s.length - 1) * (1 - t) ** (L - s.length) * losses[j]!) / steps;
    }
    expectClose([integral], [-Math.log(probability(chain, x))], {
      tolerance: 1e-5,
      why: 'midpoint rule, error f″/24·steps⁻² with f″ < 60',
    });
  });
});

describe('stratifiedMasks', () => {
  it('is the same every time and another with another seed', () => {
    const lengths = [3, 17, 1, 40];
    expect(stratifiedMasks({ lengths, levels: 2, seed: 5 })).toEqual(stratifiedMasks({ lengths, levels: 2, seed: 5 }));
    expect(stratifiedMasks({ lengths, levels: 2, seed: 5 })).not.toEqual(stratifiedMasks({ lengths, levels: 2, seed: 6 }));
  });

  it('spreads the counts of each unit, and of all units, evenly over {1, …, length}', () => {
    const lengths = new Array<number>(20).fill(40);
    const masks = stratifiedMasks({ lengths, levels: 4, seed: 1 });
    for (const unit of lengths.keys()) {
      const counts = masks.filter((m) => m.unit === unit).map((m) => m.positions.length);
      expect(counts.map((k) => Math.floor((k - 1) / 10))).toEqual([0, 1, 2, 3]);
    }
    const histogram = new Float64Array(40);
    for (const { positions } of masks) histogram[positions.length - 1]!++;
    expect(new Set(histogram)).toEqual(new Set([2]));
    for (const m of masks) expect([m.weight, m.t, m.maskable]).toEqual([40 / m.positions.length, m.positions.length / 40, 40]);
  });

  it('has a brief mask of each unit, which cover the range evenly too, for any seed on average', () => {
    const briefOf = (count: number, seed: number): EvaluationMask[] =>
      stratifiedMasks({ lengths: new Array<number>(count).fill(40), levels: 4, seed }).filter(({ brief }) => brief);
    const masks = briefOf(40, 1);
    expect(masks.map(({ unit }) => unit)).toEqual([...Array(40).keys()]);
    expect(new Set(masks.map(({ positions }) => positions.length)).size).toBe(40);
    // A single unit has another level with another seed.
    const levels = Array.from({ length: 400 }, (_, seed) => Math.floor((briefOf(1, seed)[0]!.positions.length - 1) / 10));
    const counts = [0, 1, 2, 3].map((level) => levels.filter((one) => one === level).length);
    for (const count of counts) expect(Math.abs(count - 100)).toBeLessThan(4 * Math.sqrt(75)); // 4 standard deviations
  });

  it('estimates the exact NELBO without bias, and its spread', () => {
    const texts = allSequences(3, 6)
      .filter((_, i) => i % 29 === 0)
      .map((x, i) => x.slice(0, 2 + (i % 5)));
    const lengths = texts.map((x) => x.length);
    const exact = texts.reduce((sum, x) => sum - Math.log(probability(chain, x)), 0) / lengths.reduce((a, b) => a + b, 0);
    const runs = 400;
    const estimates = Array.from({ length: runs }, (_, seed) =>
      nelboEstimate(evaluate(texts, stratifiedMasks({ lengths, levels: 1, seed }))),
    );
    const mean = estimates.reduce((sum, e) => sum + e.nelbo, 0) / runs;
    const spread = Math.sqrt(estimates.reduce((sum, e) => sum + (e.nelbo - mean) ** 2, 0) / (runs - 1));
    expect(Math.abs(mean - exact)).toBeLessThan((4 * spread) / Math.sqrt(runs)); // 4 standard errors of the mean over seeds
    // the standard error covers the choice of texts besides that of masks, so on average it is no smaller than the spread over masks
    expect(estimates.reduce((sum, e) => sum + e.standardError, 0) / runs).toBeGreaterThan(spread);
    expect(estimates[0]).toMatchObject({ units: texts.length, tokens: lengths.reduce((a, b) => a + b, 0) });
  });

  it('refuses an empty unit', () => {
    expect(() => stratifiedMasks({ lengths: [3, 0], levels: 1, seed: 0 })).toThrow('lengths[1]');
    expect(() => stratifiedMasks({ lengths: [3], levels: 0, seed: 0 })).toThrow('levels');
  });
});

describe('nelboEstimate', () => {
  const result = (unit: number, maskable: number, k: number, sum: number): EvaluationResult => ({
    unit,
    maskable,
    t: k / maskable,
    weight: maskable / k,
    crossEntropy: sum,
  });

  it('is the ratio of sums, clustered by unit', () => {
    // unit 0: y = mean(2·3, 4·2) = 7 over 4 tokens; unit 1: y = 5 over 2 tokens; r = 12/6, residuals −1 and 1
    const { nelbo, standardError } = nelboEstimate([result(0, 4, 2, 3), result(0, 4, 1, 2), result(1, 2, 2, 5)]);
    expect([nelbo, standardError]).toEqual([2, 2 / 6]);
  });

  it('has the coverage of a standard error when units vary', () => {
    let state = 1;
    const uniform = () => (state = (state * 48271) % 2147483647) / 2147483647;
    let covered = 0;
    for (let run = 0; run < 400; run++) {
      const results = Array.from({ length: 50 }, (_, i) => {
        const n = 1 + Math.floor(uniform() * 9);
        return result(i, n, n, n * 3 + (uniform() - 0.5) * n);
      });
      const { nelbo, standardError } = nelboEstimate(results);
      if (Math.abs(nelbo - 3) < 1.96 * standardError) covered++;
    }
    expect(Math.abs(covered / 400 - 0.95)).toBeLessThan(0.04); // 3.7 standard errors √(0.95·0.05/400)
  });

  it('has no standard error for one unit', () => expect(nelboEstimate([result(0, 4, 2, 3)]).standardError).toBeNaN());

  it('sorts masked tokens by mask ratio', () => {
    const buckets = bucketsByRatio([result(0, 4, 2, 3), result(1, 4, 2, 1), result(2, 10, 1, 2), result(3, 7, 7, 7)], 2);
    expect(buckets).toEqual([
      { from: 0, to: 0.5, masks: 3, tokens: 5, crossEntropy: 6 / 5 },
      { from: 0.5, to: 1, masks: 1, tokens: 7, crossEntropy: 1 },
    ]);
    expect(bucketsByRatio([], 1)[0]!.crossEntropy).toBeNaN();
  });
});
