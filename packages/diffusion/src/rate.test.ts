import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from './random.js';
import { type RateOptions, drawRates } from './rate.js';

const draw = (options: Partial<RateOptions>, seed = 1) =>
  drawRates({ count: 64, range: [0.05, 0.5], fullRangeFraction: 0, sampling: 'low_discrepancy', rng: stream(seed, 'rates'), ...options });

const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;

describe('drawRates', () => {
  it('puts one low-discrepancy rate in each of R equal parts of the range', () => {
    const { t, importance } = draw({});
    const parts = Array.from(t, (rate) => Math.floor(((rate - 0.05) / 0.45) * 64 + 1e-9)).sort((a, b) => a - b); // 1e-9: rounding at a border
    expect(parts).toEqual(Array.from({ length: 64 }, (_, i) => i));
    expect(new Set(importance)).toEqual(new Set([1]));
  });

  it('stays in the range, and in (0.001, 1] for the full range, whatever is asked', () => {
    const rate = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        rate,
        rate,
        fc.integer({ min: 0, max: 40 }),
        fc.constantFrom('low_discrepancy', 'uniform', 'bell'),
        fc.boolean(),
        fc.integer(),
        (a, b, count, sampling, full, seed) => {
          const [min, max] = [Math.min(a, b), Math.max(a, b)];
          const { t, importance } = draw({ count, range: [min, max], sampling, fullRangeFraction: full ? 1 : 0 }, seed);
          expect(t.length).toBe(count);
          for (const x of t) {
            if (full) expect(x > 0.001 && x <= 1).toBe(true);
            else expect(x >= min && x <= max + 1e-15).toBe(true); // one rounding of min + (max − min)·x
          }
          for (const w of importance) expect(w >= 0.8 - 1e-12 && w <= 2 + 1e-12).toBe(true); // roundings of the density
        },
      ),
    );
  });

  it('gives the full range its share of the units', () => {
    const { t } = draw({ count: 20_000, fullRangeFraction: 0.2, range: [0.1, 0.2] });
    const outside = t.filter((x) => x < 0.1 || x > 0.2).length / t.length;
    expect(Math.abs(outside - 0.2 * (1 - 0.1 / 0.999))).toBeLessThan(5 * Math.sqrt((0.18 * 0.82) / 20_000)); // 5 standard errors
  });

  it('bell: factors undo the density, so that weighted means are those of the uniform', () => {
    const { t, importance } = draw({ count: 20_000, range: [0.001, 1], sampling: 'bell' });
    const x = t.map((rate) => (rate - 0.001) / 0.999);
    // a regular grid of points integrates smooth functions to O(1/count)
    expect(mean(importance)).toBeCloseTo(1, 3);
    expect(mean(x.map((v, i) => v * importance[i]!))).toBeCloseTo(1 / 2, 3);
    expect(mean(x.map((v, i) => v ** 2 * importance[i]!))).toBeCloseTo(1 / 3, 3);
    expect(mean(x.map((v) => (v - 0.5) ** 2))).toBeCloseTo(1 / 15, 3); // variance of q: 1/24 + 3·(1/48 − 1/80) = 1/15
  });

  it('uniform: rates are independent of each other', () => {
    const { t } = draw({ count: 20_000, sampling: 'uniform', range: [0.001, 1] });
    const products = t.subarray(1).map((v, i) => (v - 0.5005) * (t[i]! - 0.5005));
    expect(Math.abs(mean(products))).toBeLessThan(5 / 12 / Math.sqrt(20_000)); // 5 standard errors: Var = 1/144
  });

  it('names what is wrong', () => {
    expect(() => draw({ range: [0.5, 0.2] })).toThrow('range');
    expect(() => draw({ range: [0, 0.2] })).toThrow('range');
    expect(() => draw({ count: 1.5 })).toThrow('count');
    expect(() => draw({ fullRangeFraction: 2 })).toThrow(expect.objectContaining({ code: 'MDIFF_DIFFUSION' }));
  });
});
