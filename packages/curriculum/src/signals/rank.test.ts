import { describe, expect, it } from 'vitest';

import { deciles, percentileRanks, ranksWithin, spearman } from './rank.js';

describe('ranks', () => {
  it('are percentiles, ties shared', () => {
    expect([...percentileRanks([30, 10, 20, 20])]).toEqual([3.5 / 4, 0.5 / 4, 2 / 4, 2 / 4]);
    expect([...percentileRanks([7])]).toEqual([0.5]);
  });

  it('inside groups know only their group', () => {
    expect([...ranksWithin([1, 100, 2, 50], [0, 1, 0, 1])]).toEqual([0.25, 0.75, 0.75, 0.25]);
  });

  it('make deciles, equal values in one', () => {
    expect([...deciles(Array.from({ length: 20 }, (_, i) => i))]).toEqual(Array.from({ length: 20 }, (_, i) => Math.floor(i / 2)));
    expect(new Set(deciles([5, 5, 5, 5]))).toEqual(new Set([5]));
  });

  it('correlate as Spearman has it', () => {
    // Arithmetic on halves: exact.
    expect(spearman([1, 2, 3, 4], [10, 20, 30, 1000])).toBe(1);
    expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1);
    expect(spearman([1, 2, 3], [5, 5, 5])).toBe(0);
    // 1 − 6 Σd² / (n (n² − 1)) with d = (0, 1, −1, 0); to rounding.
    expect(spearman([1, 2, 3, 4], [1, 3, 2, 4])).toBeCloseTo(0.8, 12);
  });
});
