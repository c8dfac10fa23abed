import { expect, it } from 'vitest';
import { expectClose, maxError } from './matchers.js';
import { totalVariation, totalVariationBound } from './statistics.js';

it('measures small numbers absolutely and large ones relatively', () => {
  expect(maxError([0.25, 200], [0.5, 100])).toBe(1);
  expect(maxError([0.25], [0.5])).toBe(0.25);
  expect(maxError([-Infinity], [-Infinity])).toBe(0);
});

it('never passes NaN or another length', () => {
  expect(maxError([NaN, 1], [0, 1])).toBe(Infinity);
  expect(maxError([0, Infinity], [0, 1])).toBe(Infinity);
  expect(() => expectClose([1], [1, 2], { tolerance: 1, why: 'any' })).toThrow('expected 2 numbers, got 1');
  expect(() => expectClose([1, NaN], [1, 2], { tolerance: 1, why: 'any' })).toThrow('expected 2 at 1, got NaN');
});

it('bounds the total variation of an empirical distribution', () => {
  expect(totalVariation([1, 0], [0, 1])).toBe(1);
  expect(totalVariation([0.5, 0.5], [0.25, 0.75])).toBe(0.25);
  expect(totalVariationBound(100, 10_000, Math.exp(-2))).toBeCloseTo(0.05 + 0.01, 12); // ½·0.1 + √(2/20000), float64
});
