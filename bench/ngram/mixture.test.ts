import { expect, test } from 'vitest';
import { chooseShare, mixed } from './mixture.js';

const logs = (probabilities: number[]): number[] => probabilities.map(Math.log);

test('a mixture adds probabilities', () => {
  const [first, second] = mixed(logs([0.5, 0.1]), logs([0.1, 0.3]), 0.25);
  expect(Math.exp(first!)).toBeCloseTo(0.2, 14);
  expect(Math.exp(second!)).toBeCloseTo(0.25, 14);
});

test('the chosen share is the best of all', () => {
  const [a, b] = [logs([0.5, 0.1, 0.2, 0.4]), logs([0.1, 0.3, 0.2, 0.3])];
  const cost = (share: number): number => mixed(a, b, share).reduce((sum, log) => sum - log, 0);
  const best = Array.from({ length: 999 }, (_, i) => (i + 1) / 1000).reduce((x, y) => (cost(y) < cost(x) ? y : x));
  // The grid is 0.001 wide; fifty rounds come closer than that.
  expect(chooseShare(a, b)).toBeCloseTo(best, 2);
});

test('a model that is always worse gets no share', () => {
  expect(chooseShare(logs([0.1, 0.1]), logs([0.4, 0.5]))).toBeLessThan(1e-6);
});
