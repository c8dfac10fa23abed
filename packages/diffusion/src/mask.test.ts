import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complementOf, maskUnit } from './mask.js';
import { stream } from './random.js';
import { lossWeights } from './weight.js';

describe('maskUnit', () => {
  it('masks distinct positions of the unit, ascending, with the weight that belongs to them', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.boolean(),
        fc.integer(),
        (length, t, exact, seed) => {
          const { positions, weight } = maskUnit({ length, t, sampling: exact ? 'exact_count' : 'bernoulli', rng: stream(seed) });
          positions.forEach((p, i) => expect(p > (positions[i - 1] ?? -1) && p < length).toBe(true));
          if (exact)
            expect([positions.length, weight]).toEqual([Math.max(1, Math.round(t * length)), length / Math.max(1, Math.round(t * length))]);
          else expect(weight).toBe(1 / t);
        },
      ),
    );
  });

  it.each(['bernoulli', 'exact_count'] as const)('%s masks every position equally often', (sampling) => {
    const counts = new Float64Array(10);
    const rng = stream(1, sampling);
    for (let i = 0; i < 20_000; i++) for (const p of maskUnit({ length: 10, t: 0.3, sampling, rng }).positions) counts[p]!++;
    for (const count of counts) expect(Math.abs(count - 6000)).toBeLessThan(5 * Math.sqrt(20_000 * 0.21)); // 5 standard errors
  });

  it('draws every subset of k positions equally often', () => {
    const counts = new Map<string, number>();
    const rng = stream(2);
    for (let i = 0; i < 10_000; i++) {
      const key = maskUnit({ length: 5, t: 0.4, sampling: 'exact_count', rng }).positions.join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(10);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(900)); // 5 standard errors
  });

  it('refuses an empty unit and a rate of 0', () => {
    const args = { length: 5, t: 0.5, sampling: 'bernoulli', rng: stream(0) } as const;
    expect(() => maskUnit({ ...args, length: 0 })).toThrow('length');
    expect(() => maskUnit({ ...args, t: 0 })).toThrow('expected a number > 0 and <= 1, got 0');
  });
});

describe('complementOf', () => {
  it.each(['bernoulli', 'exact_count'] as const)(
    '%s: the two masks share no token, together hide each, and have ratios t and 1 − t',
    (sampling) => {
      const rng = stream(5, sampling);
      const length = 20;
      for (const t of [0.05, 0.3, 0.5, 0.85]) {
        const hidden = [0, 0];
        for (let i = 0; i < 4000; i++) {
          const mask = maskUnit({ length, t, sampling, rng });
          const other = complementOf(mask, { length, t, sampling });
          expect([...mask.positions, ...other.positions].sort((a, b) => a - b)).toEqual([...Array(length).keys()]);
          hidden[0]! += mask.positions.length;
          hidden[1]! += other.positions.length;
          expect(other.weight).toBe(
            other.positions.length === 0 ? 0 : sampling === 'exact_count' ? length / other.positions.length : 1 / (1 - t),
          );
        }
        const bound = sampling === 'exact_count' ? 1e-12 : 5 * Math.sqrt((t * (1 - t)) / (4000 * length)); // 5 standard errors
        expect(Math.abs(hidden[0]! / (4000 * length) - t)).toBeLessThan(bound);
        expect(Math.abs(hidden[1]! / (4000 * length) - (1 - t))).toBeLessThan(bound);
      }
    },
  );

  it('of a mask of every token is empty and weighs nothing; a ratio below 0.001 weighs as 0.001 does', () => {
    const positions = Int32Array.of(0, 1);
    expect(complementOf({ positions, weight: 1 }, { length: 2, t: 1, sampling: 'exact_count' })).toEqual({
      positions: new Int32Array(0),
      weight: 0,
    });
    expect(complementOf({ positions, weight: 1 }, { length: 3, t: 0.99999, sampling: 'bernoulli' })).toEqual({
      positions: Int32Array.of(2),
      weight: 1000,
    });
  });
});

describe('lossWeights', () => {
  const units = [
    { length: 10, masked: 2, weight: 5, importance: 1 },
    { length: 30, masked: 3, weight: 10, importance: 0.8 },
  ];

  it('elbo: weight × importance over all maskable tokens of the step', () => {
    expect(Array.from(lossWeights({ weighting: 'elbo', units }))).toEqual([5 / 40, 8 / 40]);
  });

  it('uniform: a mean over the masked tokens of the step', () => {
    const weights = lossWeights({ weighting: 'uniform', units });
    expect(Array.from(weights)).toEqual([1 / 4.4, 0.8 / 4.4]);
    expect(weights[0]! * 2 + weights[1]! * 3).toBeCloseTo(1, 15);
  });

  it('is 0, not NaN, when nothing is masked', () => {
    expect(Array.from(lossWeights({ weighting: 'uniform', units: [{ length: 3, masked: 0, weight: 1, importance: 1 }] }))).toEqual([0]);
  });
});
